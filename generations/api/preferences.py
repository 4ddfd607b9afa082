"""What a request's headers wish for: to wait or not, how long, in which lane, and only once."""

import re
from dataclasses import dataclass
from typing import Self

from django.http import HttpRequest

from generations.api.errors import ApiError
from generations.api.waiting import LONGEST
from generations.services.submission import KEY_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """`wait`: seconds, None when it was not said (RFC 7240)."""

    is_async: bool = False
    wait: float | None = None
    is_background: bool = False
    idempotency_key: str = ""
    is_retry: bool = False

    @property
    def timeout(self) -> float:
        return LONGEST if self.wait is None else min(self.wait, LONGEST)

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        """Raises ApiError for an Idempotency-Key that is none."""
        wishes = [part.strip().lower() for part in request.headers.get("Prefer", "").split(",")]
        waits = [match for wish in wishes if (match := re.fullmatch(r"wait=(\d{1,6})", wish))]
        retries = request.headers.get("X-Stainless-Retry-Count", "0")
        return cls(
            is_async="respond-async" in wishes,
            wait=float(waits[0][1]) if waits else None,
            is_background=request.headers.get("X-Priority", "").lower() == "background",
            idempotency_key=_key(request),
            is_retry=retries.isdecimal() and retries.strip("0") != "",
        )


def _key(request: HttpRequest) -> str:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return ""
    key = key.strip()
    if not key or len(key) > KEY_LIMIT:
        raise ApiError(
            "invalid_value",
            f"An Idempotency-Key has 1 to {KEY_LIMIT} characters.",
            param="Idempotency-Key",
        )
    return key
