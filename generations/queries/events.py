"""The audit log, newest first. Ids grow with time, so a page is a stretch of ids."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from django.db.models import Max, Q, QuerySet

from generations.models import Event
from generations.queries.filters import day_begins, day_ends

# Where no index leads to what is looked for, a page looks through this many lines and no more.
SPAN = 50_000
# Two transactions at once may write their lines in another order than their moments have.
_SLACK = 1000


@dataclass(frozen=True, slots=True)
class Page:
    """`before`: where the next one begins, None at the log's beginning."""

    events: list[Event]
    before: int | None


def events(
    *,
    actions: Collection[str] | None = None,
    actor: int | str | None = None,
    subject: tuple[str, str] | None = None,
    since: date | None = None,
    until: date | None = None,
    text: str = "",
    text_actions: Collection[str] = (),
) -> QuerySet[Event]:
    """The lines that fit all that is given. `actor` "nobody": whoever was not signed in;
    `subject`: kind and id; days are whole days, UTC; `text_actions` fit the text by their names.
    """
    rows: QuerySet[Event] = Event.objects.order_by("-id")
    if actions is not None:
        rows = rows.filter(action__in=actions)
    if actor == "nobody":
        rows = rows.filter(actor=None)
    elif actor is not None:
        rows = rows.filter(actor=int(actor))
    if subject is not None:
        rows = rows.filter(subject_kind=subject[0], subject_id=subject[1])
    if since is not None:
        rows = _since(rows, since)
    if until is not None:
        rows = _until(rows, until)
    if text:
        named = Q(actor_name__icontains=text) | Q(subject_name__icontains=text)
        rows = rows.filter(named | Q(action__in=text_actions))
    return rows


def _since(rows: QuerySet[Event], day: date) -> QuerySet[Event]:
    """By the moment, and by the id as well: that is the order in which lines are read."""
    moment = day_begins(day)
    later = Event.objects.filter(at__gte=moment).order_by("at")
    first = later.values_list("id", flat=True).first()
    return rows.none() if first is None else rows.filter(at__gte=moment, id__gt=first - _SLACK)


def _until(rows: QuerySet[Event], day: date) -> QuerySet[Event]:
    moment = day_ends(day)
    earlier = Event.objects.filter(at__lt=moment).order_by("-at")
    last = earlier.values_list("id", flat=True).first()
    return rows.none() if last is None else rows.filter(at__lt=moment, id__lt=last + _SLACK)


def events_page(
    rows: QuerySet[Event], *, size: int, before: int | None, span: int | None = None
) -> Page:
    """The next lines below `before`; with `span`, of that many ids at most."""
    lowest = 0
    if span is not None:
        top = before or (Event.objects.aggregate(top=Max("id"))["top"] or 0) + 1
        lowest = max(0, top - span - 1)
        rows = rows.filter(id__gt=lowest)
    if before is not None:
        rows = rows.filter(id__lt=before)
    found = list(rows.select_related("actor")[: size + 1])
    if len(found) > size:
        return Page(found[:size], found[size - 1].pk)
    return Page(found, lowest + 1 if lowest else None)


def event_batches(rows: QuerySet[Event], *, size: int = 1000) -> Iterator[list[Event]]:
    """All of them, read piece by piece: none holds a cursor open between two pieces."""
    batch = list(rows[:size])
    while batch:
        yield batch
        batch = list(rows.filter(id__lt=batch[-1].pk)[:size])
