"""What can go wrong with Venice, cut by consequence: what may be done next, and what it cost.

VeniceError
├── NotSent         the connection never opened: nothing charged, safe to send again
├── RateLimited     429, the minute is used up: wait until `retry_at`
├── Overloaded      429 "overloaded", 503: nothing made, back off
├── LockedOut       429 after too many failures: no call on this key before `until`
├── BadKey          401, 403: the key is at fault, not the request
├── NoCredit        402: no balance, or the key's own spending limit
├── Refused         400, 404, 410, 413, 415, 422, Pro-only 401: this request is at fault (`field`)
├── OutcomeUnknown  500, 502, 504, 524, read timeout, reset, half a body: may have been charged
└── BadResponse     200, but not what was promised: charged, never sent again by itself

Errors never carry the request, its headers or the key, and they survive pickling.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

MESSAGE_LIMIT = 300
SUGGESTION_LIMIT = 7500

# Upstream text may echo our own headers. A run of 24 or more key characters that holds a digit
# is no word of any language; short prefixed forms ("sk-…") are keys by convention.
_KEY_LIKE = re.compile(
    r"""(?xi) \b(?:bearer|basic)\s+\S+
    | \b(?:sk|pk|vw|vn|key|venice[a-z_]*key)[-_][\w\-]{6,}
    | (?=[\w\-+/=]*\d)[\w\-+/=]{24,}"""
)


def safe_text(text: object, *, limit: int = MESSAGE_LIMIT, secrets: Iterable[str] = ()) -> str:
    """Upstream text made fit for a log or a page: no control characters, no keys, clipped.

    It is not HTML-escaped; templates do that.
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    for secret in filter(None, secrets):
        line = line.replace(secret, "[key]")
    line = _KEY_LIKE.sub("[key]", line)
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


class VeniceError(Exception):
    """Any trouble with Venice.

    `str(error)` is for logs, `public_message` for a person, `code` a stable slug for programs.
    """

    code = "venice_error"

    def __init__(
        self, message: str = "", *, public_message: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(safe_text(message))
        if code is not None:
            self.code = code
        self.public_message = public_message or self.consequence.sentence

    @property
    def message(self) -> str:
        return str(self.args[0]) if self.args else ""

    @property
    def consequence(self) -> Consequence:
        """The row of the table below that says what follows from this error."""
        return CONSEQUENCES[type(self)]

    def __reduce__(self) -> tuple[Any, ...]:
        # The default calls the class with `args` alone and so loses keyword-only arguments.
        return _restore, (type(self), self.args, dict(self.__dict__))


def _restore(kind: type[VeniceError], args: tuple[Any, ...], state: dict[str, Any]) -> VeniceError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class NotSent(VeniceError):
    """The connection never opened, so nothing was asked for and nothing charged."""

    code = "not_sent"


class RateLimited(VeniceError):
    """The key's requests of this minute are used up.

    `retry_at`: aware UTC, at most 120 s ahead; None when Venice named no usable time.
    """

    code = "rate_limited"

    def __init__(
        self,
        message: str = "",
        *,
        retry_at: datetime | None = None,
        public_message: str | None = None,
    ) -> None:
        super().__init__(message, public_message=public_message)
        self.retry_at = retry_at


class Overloaded(VeniceError):
    """The model has no capacity now. `retry_at` as in RateLimited, usually None."""

    code = "overloaded"

    def __init__(
        self,
        message: str = "",
        *,
        retry_at: datetime | None = None,
        public_message: str | None = None,
    ) -> None:
        super().__init__(message, public_message=public_message)
        self.retry_at = retry_at


class LockedOut(VeniceError):
    """Too many failures: Venice answers nothing on this key before `until` (aware UTC)."""

    code = "locked_out"

    def __init__(
        self, message: str = "", *, until: datetime, public_message: str | None = None
    ) -> None:
        super().__init__(message, public_message=public_message)
        self.until = until


class BadKey(VeniceError):
    """Venice does not know this key, or does not let it in."""

    code = "bad_key"


class NoCredit(VeniceError):
    """The account's balance or the key's own spending limit is used up."""

    code = "no_credit"


class Refused(VeniceError):
    """Venice turned this one request down; others on the same key are not concerned.

    `field`: Venice's name of the parameter at fault, if it named one.
    `code`: a key of `REFUSALS`. `suggested_prompt`: what Venice would accept instead.
    """

    code = "refused"

    def __init__(
        self,
        message: str = "",
        *,
        field: str | None = None,
        code: str | None = None,
        suggested_prompt: str | None = None,
        public_message: str | None = None,
    ) -> None:
        super().__init__(message, public_message=public_message, code=code)
        self.field = field
        self.suggested_prompt = suggested_prompt

    @property
    def consequence(self) -> Consequence:
        return REFUSALS.get(self.code, CONSEQUENCES[Refused])


class OutcomeUnknown(VeniceError):
    """The answer was lost after the request was sent: it may have been made and charged."""

    code = "outcome_unknown"


class BadResponse(VeniceError):
    """Venice said 200 and charged, but what came is no image."""

    code = "bad_response"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """What follows from one kind of error.

    `retry`: may be sent again without asking anybody. `breaker`: stop every call on that key.
    `http_status`, `error_type`, `error_code`: how our own API says it, in OpenAI's words.
    `sentence`: what a person reads: what happened, what it cost, what to do next.
    """

    retry: bool
    breaker: bool
    http_status: int
    error_type: str
    error_code: str
    sentence: str


CONSEQUENCES: dict[type[VeniceError], Consequence] = {
    VeniceError: Consequence(
        retry=False,
        breaker=False,
        http_status=502,
        error_type="server_error",
        error_code="venice_error",
        sentence="Something went wrong with Venice. It may have been charged. "
        "It is sent again only if you say so.",
    ),
    NotSent: Consequence(
        retry=True,
        breaker=False,
        http_status=503,
        error_type="server_error",
        error_code="not_sent",
        sentence="We could not reach Venice. Nothing was charged. Try again in a moment.",
    ),
    RateLimited: Consequence(
        retry=True,
        breaker=False,
        http_status=429,
        error_type="rate_limit_error",
        error_code="rate_limit_exceeded",
        sentence="This key has used up its requests for the minute. Nothing was charged. "
        "Try again in a minute.",
    ),
    Overloaded: Consequence(
        retry=True,
        breaker=False,
        http_status=503,
        error_type="server_error",
        error_code="overloaded",
        sentence="This model is full at the moment. Nothing was charged. "
        "Try again later, or choose another model.",
    ),
    LockedOut: Consequence(
        retry=True,
        breaker=True,
        http_status=429,
        error_type="rate_limit_error",
        error_code="locked_out",
        sentence="Venice has paused this key after too many failed requests. "
        "Nothing was charged. It opens again within two minutes.",
    ),
    BadKey: Consequence(
        retry=False,
        breaker=True,
        http_status=403,
        error_type="permission_error",
        error_code="bad_key",
        sentence="Venice did not accept the key. Nothing was charged. "
        "Save or test the key in settings, then run it again.",
    ),
    NoCredit: Consequence(
        retry=False,
        breaker=True,
        http_status=402,
        error_type="insufficient_quota",
        error_code="no_credit",
        sentence="Not enough credit at Venice. Nothing was charged. "
        "Add credit there, or run it on your own key.",
    ),
    Refused: Consequence(
        retry=False,
        breaker=False,
        http_status=400,
        error_type="invalid_request_error",
        error_code="refused",
        sentence="Venice did not accept this request. Nothing was charged. "
        "Change it and run it again.",
    ),
    OutcomeUnknown: Consequence(
        retry=False,
        breaker=False,
        http_status=502,
        error_type="server_error",
        error_code="outcome_unknown",
        sentence="May have been charged. The answer from Venice was lost, and the image with it. "
        "It is sent again only if you say so.",
    ),
    BadResponse: Consequence(
        retry=False,
        breaker=False,
        http_status=502,
        error_type="server_error",
        error_code="bad_response",
        sentence="Venice answered, but not with an image we can read. It was charged. "
        "It is sent again only if you say so.",
    ),
}


def _refusal(code: str, http_status: int, sentence: str) -> Consequence:
    return Consequence(
        retry=False,
        breaker=False,
        http_status=http_status,
        error_type="invalid_request_error",
        error_code=code,
        sentence=sentence,
    )


# Refused has kinds that people and programs tell apart: `Refused.code` chooses the row.
REFUSALS: dict[str, Consequence] = {
    "content_policy_violation": _refusal(
        "content_policy_violation",
        422,
        "Venice does not make images from this prompt. Nothing was charged. "
        "Change the prompt and run it again.",
    ),
    "model_not_found": _refusal(
        "model_not_found",
        404,
        "Venice does not know this model. Nothing was charged. Choose another model.",
    ),
    "model_gone": _refusal(
        "model_gone", 404, "Venice has retired this model. Nothing was charged. Choose another one."
    ),
    "pro_only": _refusal(
        "pro_only",
        403,
        "Venice keeps this model for Pro accounts. Nothing was charged. Choose another model.",
    ),
    "redirected": _refusal(
        "redirected",
        400,
        "The address set for Venice answered with a redirect, which we do not follow. "
        "Nothing was charged. Ask an admin to check the address.",
    ),
}
