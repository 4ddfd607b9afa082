"""Reading values that Venice writes in more than one way: numbers or strings, present or not.

Every reader takes anything and returns None (or an empty container) instead of raising: fields
appear, vanish and change type without notice (seen through 2026).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any

MILLISECONDS_FROM = 100_000_000_000
RELATIVE_BELOW = 10_000_000
LONGEST_WAIT = timedelta(seconds=120)


def mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def sequence(value: object) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def texts(value: object) -> tuple[str, ...]:
    return tuple(item for item in sequence(value) if isinstance(item, str) and item)


def decimal(value: object) -> Decimal | None:
    """A finite Decimal taken from the number's text, so 0.1 stays 0.1."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def integer(value: object) -> int | None:
    # The exponent is bounded because int(Decimal("1e999999")) would fill the memory.
    number = decimal(value)
    return int(number) if number is not None and number.adjusted() < 20 else None


def flag(value: object) -> bool:
    """True for true and the string "true"; headers and JSON both occur."""
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def moment(value: object) -> datetime | None:
    """An ISO 8601 or HTTP date as aware UTC; what names no zone is taken as UTC."""
    if not isinstance(value, str):
        return None
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(value.strip())
            return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
        except (ValueError, TypeError, OverflowError):
            continue
    return None


def moment_from_number(number: Decimal, now: datetime) -> datetime | None:
    """Unix seconds, Unix milliseconds (13 digits, seen live) or seconds from now, by size."""
    if number >= MILLISECONDS_FROM:
        number /= 1000
    try:
        if number < RELATIVE_BELOW:
            return now + timedelta(seconds=float(number))
        return datetime.fromtimestamp(float(number), UTC)
    except (OverflowError, ValueError, OSError):
        return None


def moment_or_delay(value: object, now: datetime) -> datetime | None:
    """A reset or Retry-After value in any of its forms, as aware UTC."""
    number = decimal(value)
    return moment(value) if number is None else moment_from_number(number, now)


def upcoming(value: object, now: datetime) -> datetime | None:
    """The same as a time to wait for: None for the past, never more than 120 s ahead."""
    named = moment_or_delay(value, now)
    return min(named, now + LONGEST_WAIT) if named is not None and named > now else None


def parsed_json(body: bytes) -> Any:
    """The body as JSON, or None when it is none (an HTML page, an image, half a text).

    NaN and Infinity, which are no JSON, become null: databases refuse them.
    """
    try:
        return json.loads(body, parse_constant=lambda name: None)
    except (ValueError, RecursionError):
        return None
