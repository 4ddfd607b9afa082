"""Every read worth a name. Returns querysets; who may see what is decided here, once."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import (
    Count,
    F,
    IntegerField,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Coalesce

from generations.models import Call, Generation, Image, User, VeniceModel
from generations.models.generation import ACTIVE, State

NEEDS_ME = (State.FAILED, State.UNKNOWN)


def visible_images(user: User) -> QuerySet[Image]:
    """What this person's lists show: the team's images and their own, none that is held."""
    return Image.objects.filter(state=Image.State.SHOWN).filter(
        Q(visibility=Image.Visibility.TEAM) | Q(user=user)
    )


def openable_images(user: User) -> QuerySet[Image]:
    """What this person may open by its address: reviewers also what is held."""
    if user.is_reviewer:
        return Image.objects.filter(
            Q(state=Image.State.HELD) | Q(visibility=Image.Visibility.TEAM) | Q(user=user)
        )
    return visible_images(user)


def gallery(user: User) -> QuerySet[Image]:
    return visible_images(user).select_related("generation", "user").order_by("-created_at", "-id")


def held_images() -> QuerySet[Image]:
    return Image.objects.filter(state=Image.State.HELD)


def own_generations(user: User) -> QuerySet[Generation]:
    """A person's jobs, newest first; what they cancelled while it ran is left out."""
    return Generation.objects.filter(user=user, is_hidden=False).order_by("-created_at", "-id")


def openable_generations(user: User) -> QuerySet[Generation]:
    """Jobs this person may open: their own, and for admins everybody's."""
    return Generation.objects.all() if user.is_admin else Generation.objects.filter(user=user)


def with_cards(generations: QuerySet[Generation]) -> QuerySet[Generation]:
    """With all that a card shows: images, and how many jobs are ahead in the queue."""
    images = Prefetch("images", Image.objects.order_by("number"), to_attr="pictures")
    return with_places(generations).annotate(seconds=_seconds()).prefetch_related(images)


def with_places(generations: QuerySet[Generation]) -> QuerySet[Generation]:
    """With `ahead`: how many queued jobs of the same key come before."""
    return generations.annotate(ahead=_ahead())


def _ahead() -> Coalesce:
    earlier = (
        Generation.objects.filter(state=State.QUEUED, key=OuterRef("key"))
        .filter(lane__lte=OuterRef("lane"), created_at__lt=OuterRef("created_at"))
        .order_by()
        .annotate(one=Value(1))
        .values("one")
        .annotate(count=Count("pk"))
        .values("count")
    )
    return Coalesce(Subquery(earlier, output_field=IntegerField()), 0)


def _seconds() -> Subquery:
    last = Call.objects.filter(generation=OuterRef("pk")).order_by("-number")
    return Subquery(last.values(took=F("finished_at") - F("started_at"))[:1])


def live(user: User, watched: list[uuid.UUID]) -> QuerySet[Generation]:
    """What a page that watches these jobs has to compare: those, and whatever is active."""
    rows = Generation.objects.filter(Q(pk__in=watched) | Q(state__in=ACTIVE), user=user)
    return rows.filter(is_hidden=False).order_by("created_at", "id")


def studio_counts(user: User, since: datetime) -> dict[str, Any]:
    mine = Generation.objects.filter(user=user, is_hidden=False)
    return mine.aggregate(
        jobs=Count("pk", filter=Q(created_at__gte=since)),
        spent=Sum("charged", filter=Q(created_at__gte=since)),
        working=Count("pk", filter=Q(state__in=ACTIVE)),
        needs=Count("pk", filter=Q(state__in=NEEDS_ME, is_dismissed=False)),
    )


def usual_seconds() -> dict[str, tuple[float, float]]:
    """Model -> its usual range in seconds, as the catalogue has learned it."""
    rows = VeniceModel.objects.exclude(usual_low=None).values_list("id", "usual_low", "usual_high")
    return {pk: (low or 0, high or 0) for pk, low, high in rows}


def search_text(rows: QuerySet[Generation], text: str) -> QuerySet[Generation]:
    """Rows whose prompt or model holds every word of the text."""
    for word in text.split()[:10]:
        rows = rows.filter(Q(prompt__icontains=word) | Q(model_name__icontains=word))
    return rows


# --- keyset paging --------------------------------------------------------------------------
# "created_at <= x, minus the ids of that moment already seen" reads one stretch of the index at
# any depth; OFFSET and the OR form read everything before it.


def cursor_of(row: Generation | Image) -> str:
    micros = (row.created_at - _EPOCH) // timedelta(microseconds=1)
    return f"{micros}-{row.pk.hex}"


def after(rows: QuerySet[Any], cursor: str) -> QuerySet[Any]:
    """Rows that follow the cursor, newest first; what is no cursor begins at the start."""
    place = _place(cursor)
    if place is None:
        return rows
    moment, last = place
    return rows.filter(created_at__lte=moment).exclude(created_at=moment, pk__gte=last)


def before(rows: QuerySet[Any], cursor: str) -> QuerySet[Any]:
    """Rows that come before the cursor, nearest first when ordered oldest first."""
    place = _place(cursor)
    if place is None:
        return rows.none()
    moment, last = place
    return rows.filter(created_at__gte=moment).exclude(created_at=moment, pk__lte=last)


def _place(cursor: str) -> tuple[datetime, uuid.UUID] | None:
    micros, _, pk = cursor.partition("-")
    try:
        return _EPOCH + timedelta(microseconds=int(micros)), uuid.UUID(pk)
    except (ValueError, OverflowError):
        return None


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
