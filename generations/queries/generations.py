"""Jobs: whose, in which state, and how far they are."""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any

from django.db.models import (
    F,
    IntegerField,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Sum,
)
from django.db.models.functions import Least

from generations.models import Call, Generation, Image, User
from generations.models.generation import ACTIVE, State
from generations.queries.images import openable_images
from generations.queries.reviews import has_news
from generations.queries.text import words_of

NEEDS_ME = (State.FAILED, State.UNKNOWN)


def own_generations(user: User) -> QuerySet[Generation]:
    """A person's jobs, newest first; what they cancelled while it ran is left out."""
    return Generation.objects.filter(user=user, is_hidden=False).order_by("-created_at", "-id")


def openable_generations(user: User) -> QuerySet[Generation]:
    """Jobs this person may open: their own, and for admins everybody's."""
    return Generation.objects.all() if user.is_admin else Generation.objects.filter(user=user)


def with_cards(
    generations: QuerySet[Generation], *, viewer: User | None = None
) -> QuerySet[Generation]:
    """With all that a card shows: images that are not in the trash, and how many jobs are ahead in
    the queue. `viewer`: of others' jobs only the images that this person may open."""
    there = Image.objects.filter(deleted_at=None).order_by("number")
    if viewer is not None:
        there = there.filter(Q(user=viewer) | Q(pk__in=openable_images(viewer).values("pk")))
    images = Prefetch("images", there, to_attr="pictures")
    return with_places(generations).annotate(seconds=_seconds()).prefetch_related(images)


def with_places(generations: QuerySet[Generation]) -> QuerySet[Generation]:
    """With `ahead`, how many jobs of the same line come before, and `account`, whose line it is."""
    return generations.annotate(ahead=_ahead(), account=F("key__account"))


# Nobody needs to know more exactly, and counting a hundred thousand takes a while.
MOST_AHEAD = 200


class _Count(Subquery):
    """How many rows a subquery has; a limit of it bounds the work."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


def _ahead() -> Least:
    """In the order of `services.queue`: lane, turn, oldest first."""
    # Two counts, each of one stretch of the index: an OR over lanes would read the whole line.
    line = Generation.objects.filter(state=State.QUEUED).order_by()
    line = line.filter(key__account=OuterRef("key__account"))
    before = line.filter(lane__lt=OuterRef("lane"))
    beside = line.filter(lane=OuterRef("lane"), turn__lte=OuterRef("turn")).filter(
        Q(turn__lt=OuterRef("turn")) | Q(created_at__lt=OuterRef("created_at"))
    )
    counts = [_Count(rows.values("pk")[:MOST_AHEAD]) for rows in (before, beside)]
    return Least(counts[0] + counts[1], MOST_AHEAD)


def _seconds() -> Subquery:
    last = Call.objects.filter(generation=OuterRef("pk")).order_by("-number")
    return Subquery(last.values(took=F("finished_at") - F("started_at"))[:1])


def active(user: User) -> QuerySet[Generation]:
    """A person's jobs that wait or run, oldest first."""
    rows = Generation.objects.filter(user=user, state__in=ACTIVE, is_dismissed=False)
    return rows.filter(is_hidden=False).order_by("created_at", "id")


def studio_counts(user: User, since: datetime) -> dict[str, Any]:
    """Today's `jobs` and what was `spent`, what is `working` and what `needs` them; `has_news` of
    reviewers. One statement, in which each has an index of its own."""
    mine = Generation.objects.filter(user=user).order_by()
    today = mine.filter(created_at__gte=since)
    spent = today.values("user").annotate(spent=Sum("charged")).values("spent")
    open_ones = mine.filter(is_dismissed=False, is_hidden=False)
    counts = User.objects.values(
        jobs=_Count(today.values("pk")),
        spent=Subquery(spent),
        working=_Count(open_ones.filter(state__in=ACTIVE).values("pk")),
        needs=_Count(open_ones.filter(state__in=NEEDS_ME).values("pk")),
        has_news=has_news(),
    )
    return dict(counts.get(pk=user.pk))


def generations_of(person: str) -> QuerySet[Generation]:
    """A person's jobs by their id, or with "all" everybody's. For admins."""
    rows = Generation.objects.select_related("user").order_by("-created_at", "-id")
    return rows if person == "all" else rows.filter(user=int(person))


def filter_generations(
    rows: QuerySet[Generation], given: Mapping[str, Any]
) -> QuerySet[Generation]:
    """Rows that fit what a history's address says; days are whole days, UTC."""
    lookups = {"state": "state", "model": "model", "price": "price__gte"}
    rows = rows.filter(**{lookups[name]: given[name] for name in lookups if name in given})
    # As moments, not as dates: only so the index on created_at is of use.
    if since := given.get("since"):
        rows = rows.filter(created_at__gte=datetime.combine(since, time.min, UTC))
    if until := given.get("until"):
        rows = rows.filter(created_at__lte=datetime.combine(until, time.max, UTC))
    return search_text(rows, given.get("q", ""))


def search_text(rows: QuerySet[Generation], text: str) -> QuerySet[Generation]:
    """Rows whose prompt or model holds every word of the text."""
    for word in words_of(text):
        rows = rows.filter(Q(prompt__icontains=word) | Q(model_name__icontains=word))
    return rows
