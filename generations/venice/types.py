"""What goes to Venice and what comes back, as plain frozen values."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from . import values
from .catalogue import Constraints as Constraints
from .catalogue import ModelInfo as ModelInfo
from .catalogue import Sizing as Sizing

DEFAULT_REQUESTS_PER_MINUTE = 20


class ApiKey:
    """A Venice API key that hides itself: only `reveal()` gives the text away.

    Raises ValueError for text that cannot stand in an HTTP header.
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: str) -> None:
        secret = secret.strip()
        if not secret or not all("!" <= c <= "~" for c in secret):
            raise ValueError("A Venice key is one word of plain ASCII.")
        self._secret = secret

    def reveal(self) -> str:
        return self._secret

    @property
    def last_four(self) -> str:
        """The last four characters, or none of a key so short that they would tell too much."""
        return self._secret[-4:] if len(self._secret) >= 12 else ""

    def __repr__(self) -> str:
        return f"ApiKey('…{self.last_four}')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ApiKey) and other._secret == self._secret

    def __hash__(self) -> int:
        return hash(self._secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRequest:
    """One POST /image/generate. Names are Venice's; None means the field is not sent.

    `width`, `height` in pixels (multiples of the model's divisor, at most 1280); `cfg_scale`
    above 0 to 20; `seed` -999999999 to 999999999; `lora_strength` 0 to 100; `variants` 1 to 4.
    Source: https://docs.venice.ai/api-reference/endpoint/image/generate
    """

    model: str
    prompt: str
    negative_prompt: str | None = None
    width: int | None = None
    height: int | None = None
    aspect_ratio: str | None = None
    resolution: str | None = None
    quality: str | None = None
    steps: int | None = None
    cfg_scale: float | None = None
    seed: int | None = None
    style_preset: str | None = None
    lora_strength: int | None = None
    safe_mode: bool | None = None
    hide_watermark: bool | None = None
    embed_exif_metadata: bool | None = None
    format: str | None = None
    variants: int = 1
    enable_web_search: bool | None = None
    enhance_prompt: bool | None = None
    disable_prompt_optimization_thinking: bool | None = None

    def payload(self) -> dict[str, Any]:
        """The JSON body. One image is asked for as bytes, which halves the work of reading it;
        Venice allows `variants` only without `return_binary`."""
        body = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        variants = body.pop("variants")
        body = {name: value for name, value in body.items() if value is not None}
        return body | ({"return_binary": True} if variants == 1 else {"variants": variants})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What Venice's moderation said of an answer of 200, from its headers and body.

    `adult` stands for x-venice-is-adult-model-content-violation, `minor` for
    x-venice-contains-minor, `violation_count` for the images withheld from a set.
    """

    blurred: bool = False
    violation: bool = False
    adult: bool = False
    minor: bool = False
    violation_count: int = 0

    @property
    def is_flagged(self) -> bool:
        return self.blurred or self.violation or self.adult or self.minor

    @property
    def withholds(self) -> bool:
        """Whether this verdict explains that images are missing."""
        return self.violation or self.adult or self.minor or self.violation_count > 0

    @classmethod
    def from_reply(cls, headers: Mapping[str, str], body: object) -> Verdict:
        def said(name: str) -> bool:
            return values.flag(headers.get(name))

        count = values.integer(values.mapping(body).get("content_policy_violation_count"))
        return cls(
            blurred=said("x-venice-is-blurred"),
            violation=said("x-venice-is-content-violation"),
            adult=said("x-venice-is-adult-model-content-violation"),
            minor=said("x-venice-contains-minor"),
            violation_count=max(count or 0, 0),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """What an answer's headers tell about the key: its balance and its minute.

    `reset_at`: aware UTC, at most 120 s ahead; None when past or not named.
    """

    balance_usd: Decimal | None = None
    balance_diem: Decimal | None = None
    limit_requests: int | None = None
    remaining_requests: int | None = None
    reset_at: datetime | None = None

    @classmethod
    def from_headers(cls, headers: Mapping[str, str], now: datetime) -> AccountState:
        return cls(
            balance_usd=values.decimal(headers.get("x-venice-balance-usd")),
            balance_diem=values.decimal(headers.get("x-venice-balance-diem")),
            limit_requests=values.integer(headers.get("x-ratelimit-limit-requests")),
            remaining_requests=values.integer(headers.get("x-ratelimit-remaining-requests")),
            reset_at=values.upcoming(headers.get("x-ratelimit-reset-requests"), now),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deprecation:
    """Venice's notice, in an answer's headers, that the model used will end."""

    date: datetime | None = None
    replacement: str | None = None
    warning: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageAnswer:
    """An answer of 200: the images as received, and what Venice said about them.

    `images` is empty only when `verdict` explains it, and may hold fewer than asked for.
    `timing_ms` holds Venice's own figures where it sent them, and under "client" ours.
    """

    images: tuple[bytes, ...] = field(repr=False)
    request_id: str | None
    verdict: Verdict
    timing_ms: dict[str, float]
    model_id: str | None
    enhanced_prompt: str | None = None
    account: AccountState = field(default_factory=AccountState)
    deprecation: Deprecation | None = None
    # Entries of the answer that were no image at all: charged like the others.
    unreadable: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """GET /api_keys/rate_limits: what one key may do."""

    tier: str | None = None
    is_charged: bool = False
    balance_usd: Decimal | None = None
    balance_diem: Decimal | None = None
    requests_per_minute: int = DEFAULT_REQUESTS_PER_MINUTE
    expires_at: datetime | None = None
    access_permitted: bool = True

    @classmethod
    def from_json(cls, data: object, image_models: Collection[str] = ()) -> RateLimits:
        """`image_models`: ids whose smallest RPM counts; 20 when Venice names none of them."""
        part = values.mapping(data)
        part = values.mapping(part.get("data", part))
        tier, balances = values.mapping(part.get("apiTier")), values.mapping(part.get("balances"))
        return cls(
            tier=values.text(tier.get("id")),
            is_charged=values.flag(tier.get("isCharged")),
            balance_usd=values.decimal(balances.get("USD")),
            balance_diem=values.decimal(balances.get("DIEM")),
            requests_per_minute=_smallest_rpm(part.get("rateLimits"), image_models),
            expires_at=values.moment(part.get("keyExpiration")),
            access_permitted=values.flag(part.get("accessPermitted", True)),
        )


def _smallest_rpm(rows: object, image_models: Collection[str]) -> int:
    amounts = [
        values.integer(values.mapping(limit).get("amount"))
        for row in values.sequence(rows)
        if values.mapping(row).get("apiModelId") in image_models
        for limit in values.sequence(values.mapping(row).get("rateLimits"))
        if values.mapping(limit).get("type") == "RPM"
    ]
    return min((n for n in amounts if n is not None and n > 0), default=DEFAULT_REQUESTS_PER_MINUTE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """GET /billing/balance: what the account may still spend; None where Venice names nothing."""

    can_consume: bool = True
    currency: str | None = None
    usd: Decimal | None = None
    diem: Decimal | None = None
    diem_epoch_allocation: Decimal | None = None

    @classmethod
    def from_json(cls, data: object) -> Balance:
        part = values.mapping(data)
        part = values.mapping(part.get("data", part))
        balances = values.mapping(part.get("balances"))
        return cls(
            can_consume=values.flag(part.get("canConsume", True)),
            currency=values.text(part.get("consumptionCurrency")),
            usd=values.decimal(balances.get("usd")),
            diem=values.decimal(balances.get("diem")),
            diem_epoch_allocation=values.decimal(part.get("diemEpochAllocation")),
        )
