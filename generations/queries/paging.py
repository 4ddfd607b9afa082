"""Keyset paging.

"created_at <= x, minus the ids of that moment already seen" reads one stretch of the index at
any depth; OFFSET and the OR form read everything before it.
"""

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from generations.models import Generation, Image, Invite, Share
from generations.queries.text import place_of


def cursor_of(row: Generation | Image | Invite | Share) -> str:
    """Where a page ended. Images found by words stand in the order of their texts."""
    if place := getattr(row, "text_place", None):
        return str(place)
    micros = (row.created_at - _EPOCH) // timedelta(microseconds=1)
    return f"{micros}-{row.pk.hex}"


def after(rows: QuerySet[Any], cursor: str) -> QuerySet[Any]:
    """Rows that follow the cursor, newest first; what is no cursor begins at the start."""
    place = _place(cursor)
    if place is None:
        return rows
    moment, last = place
    if is_by_text(rows):
        return rows.filter(text_place__lt=_text_place(cursor, moment, last))
    return rows.filter(created_at__lte=moment).exclude(created_at=moment, pk__gte=last)


def is_cursor(text: str) -> bool:
    """Whether it is one that `cursor_of` may have made of a row."""
    return _CURSOR.fullmatch(text) is not None and _place(text) is not None


def before(rows: QuerySet[Any], cursor: str) -> QuerySet[Any]:
    """Rows that come before the cursor, nearest first when ordered oldest first."""
    place = _place(cursor)
    if place is None:
        return rows.none()
    moment, last = place
    if is_by_text(rows):
        return rows.filter(text_place__gt=_text_place(cursor, moment, last))
    return rows.filter(created_at__gte=moment).exclude(created_at=moment, pk__lte=last)


def is_by_text(rows: QuerySet[Any]) -> bool:
    """Whether they were found in the full-text index, and stand in its order."""
    return "text_place" in rows.query.annotations


def _place(cursor: str) -> tuple[datetime, uuid.UUID] | None:
    """Moment and id; of a place in the full-text index as much of them as it has."""
    micros, _, pk = cursor.partition("-")
    try:
        if not pk:
            place = int(micros)
            moment = _EPOCH + timedelta(microseconds=place >> 10)
            return moment, uuid.UUID(int=(place & 1023) << 118)
        return _EPOCH + timedelta(microseconds=int(micros)), uuid.UUID(pk)
    except (ValueError, OverflowError):
        return None


def _text_place(cursor: str, moment: datetime, last: uuid.UUID) -> int:
    place = place_of(moment, last) if "-" in cursor else int(cursor)
    return min(place, 2**63 - 1)


_CURSOR = re.compile(r"[0-9]{1,17}-[0-9a-f]{32}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
