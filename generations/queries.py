"""Every read worth a name. Returns querysets; who may see what is decided here, once."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import (
    BooleanField,
    Count,
    ExpressionWrapper,
    F,
    IntegerField,
    Max,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Coalesce, Lower, TruncDate

from generations.models import (
    Budget,
    Call,
    CatalogueFetch,
    Generation,
    Image,
    Recipe,
    RecipeVersion,
    User,
    VeniceModel,
)
from generations.models.generation import ACTIVE, State
from generations.models.spend import MAYBE, Month, total

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
    """The team's wall. What somebody cancelled while it ran was kept, but is not hung up."""
    rows = visible_images(user).filter(generation__is_hidden=False)
    return rows.select_related("generation", "user").order_by("-created_at", "-id")


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
    """With `ahead`: how many queued jobs come before."""
    return generations.annotate(ahead=_ahead())


def _ahead() -> Coalesce:
    earlier = (
        Generation.objects.filter(state=State.QUEUED)
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


def active(user: User) -> QuerySet[Generation]:
    """A person's jobs that wait or run, oldest first."""
    rows = Generation.objects.filter(user=user, state__in=ACTIVE, is_dismissed=False)
    return rows.filter(is_hidden=False).order_by("created_at", "id")


def studio_counts(user: User, since: datetime) -> dict[str, Any]:
    """Today's jobs and spending, and what is open. Two reads, for each has an index of its own."""
    mine = Generation.objects.filter(user=user)
    today = mine.filter(created_at__gte=since).aggregate(jobs=Count("pk"), spent=Sum("charged"))
    open_ones = mine.filter(state__in=(*ACTIVE, *NEEDS_ME), is_dismissed=False, is_hidden=False)
    return today | open_ones.aggregate(
        working=Count("pk", filter=Q(state__in=ACTIVE)),
        needs=Count("pk", filter=Q(state__in=NEEDS_ME)),
    )


def catalogue_error() -> str:
    """Why the catalogue could not be fetched last, as a sentence."""
    return CatalogueFetch.objects.values_list("error", flat=True).first() or ""


def usual_seconds() -> dict[str, tuple[float, float]]:
    """Model -> its usual range in seconds, as the catalogue has learned it."""
    rows = VeniceModel.objects.exclude(usual_low=None).values_list("id", "usual_low", "usual_high")
    return {pk: (low or 0, high or 0) for pk, low, high in rows}


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


def known_models() -> dict[str, VeniceModel]:
    """Every model that Venice listed once, also those that are not offered now."""
    return VeniceModel.objects.in_bulk()


def _words(text: str) -> list[str]:
    # PostgreSQL takes no NUL in a text, and nobody means one.
    return text.replace("\0", " ").split()[:10]


def search_images(rows: QuerySet[Image], text: str) -> QuerySet[Image]:
    """Images whose prompt, model, maker or seed holds every word of the text."""
    for word in _words(text):
        found = Q(generation__prompt__icontains=word) | Q(generation__model_name__icontains=word)
        found |= Q(user__name__icontains=word)
        if word.lstrip("-").isascii() and word.lstrip("-").isdigit() and len(word) < 11:
            found |= Q(seed=int(word))
        rows = rows.filter(found)
    return rows


def search_text(rows: QuerySet[Generation], text: str) -> QuerySet[Generation]:
    """Rows whose prompt or model holds every word of the text."""
    for word in _words(text):
        rows = rows.filter(Q(prompt__icontains=word) | Q(model_name__icontains=word))
    return rows


# --- spend ----------------------------------------------------------------------------------
# A job belongs to the month in which it was asked for, UTC, as it does for the budgets.

# Only a key of one's own can be removed: a job whose key is gone ran on such a one.
ON_TEAM_KEY = Q(key__isnull=False, key__user=None)


def month_of(month: Month, user: User | None) -> QuerySet[Generation]:
    """The jobs that count in a month: one person's, or with None everybody's."""
    rows = Generation.objects.filter(created_at__gte=month.start, created_at__lt=month.end)
    rows = rows.filter(is_demo=settings.IS_DEMO)
    return rows if user is None else rows.filter(user=user)


def spent_by_day(jobs: QuerySet[Generation]) -> QuerySet[Generation, Any]:
    """`day`, `spent`, and `team`: what of it ran on the team's key."""
    days = jobs.order_by().values(day=TruncDate("created_at", tzinfo=UTC))
    return days.annotate(spent=total(), team=total(ON_TEAM_KEY)).order_by("day")


def spent_by_person(jobs: QuerySet[Generation]) -> QuerySet[Generation, Any]:
    """Most spent first. `reserved` waits or runs, `maybe` may have been charged."""
    people = jobs.order_by().values(person=F("user"), name=F("user__name"), email=F("user__email"))
    return people.annotate(
        spent=total(),
        reserved=total(Q(state__in=ACTIVE)),
        maybe=total(MAYBE),
        maybe_jobs=Count("pk", filter=MAYBE),
        free=Count("pk", filter=Q(state=State.FAILED, charged=0)),
    ).order_by("-spent", "email")


def spent_by_model(jobs: QuerySet[Generation]) -> QuerySet[Generation, Any]:
    """Most spent first, with the name that the jobs remember."""
    models = jobs.order_by().values("model").annotate(name=Max("model_name"), spent=total())
    return models.order_by("-spent", "model")


def image_counts(jobs: QuerySet[Generation]) -> list[tuple[int, str, int, int]]:
    """Person, model, how many images came of the jobs, and how many of these are held."""
    groups = Image.objects.order_by().filter(generation__in=jobs)
    counted = groups.values("generation__user", "generation__model").annotate(
        came=Count("pk"), held=Count("pk", filter=Q(state=Image.State.HELD))
    )
    return list(counted.values_list("generation__user", "generation__model", "came", "held"))


def maybe_charged(jobs: QuerySet[Generation]) -> QuerySet[Generation]:
    """Jobs whose cost a person has still to say, oldest first."""
    return jobs.filter(MAYBE).select_related("user").order_by("created_at", "pk")


def ledger(jobs: QuerySet[Generation]) -> QuerySet[Generation]:
    """A line for each job, oldest first, with `came` (images) and `is_team` (whose key)."""
    rows = jobs.select_related("user").annotate(
        came=Count("images"), is_team=ExpressionWrapper(ON_TEAM_KEY, BooleanField())
    )
    return rows.order_by("created_at", "pk")


def privacy() -> dict[str, str]:
    """Model -> its privacy tier, as the catalogue has it."""
    return dict(VeniceModel.objects.values_list("id", "privacy"))


def people() -> QuerySet[User]:
    """Who may sign in, by name."""
    return User.objects.filter(is_active=True).order_by(Lower("name"), "email")


@dataclass(frozen=True, slots=True)
class Limits:
    """The monthly budgets, in USD. None: no limit."""

    team: Decimal | None
    everyone: Decimal | None
    people: dict[int, Decimal]

    def of(self, user_id: int) -> Decimal | None:
        return self.people.get(user_id, self.everyone)


def limits() -> Limits:
    rows = Budget.objects.values_list("scope", "user", "monthly_usd")
    shared = {scope: amount for scope, user, amount in rows if user is None}
    return Limits(
        team=shared.get(Budget.Scope.TEAM),
        everyone=shared.get(Budget.Scope.EVERYONE),
        people={user: amount for _, user, amount in rows if user is not None},
    )


# --- recipes ----------------------------------------------------------------------------------


def visible_recipes(user: User) -> QuerySet[Recipe]:
    """What this person may read and use: their own recipes and the team's, newest use first."""
    rows = Recipe.objects.filter(Q(user=user) | Q(is_team=True), deleted_at=None)
    return rows.order_by("-used_at", "-id")


def own_recipes(user: User) -> QuerySet[Recipe]:
    return visible_recipes(user).filter(user=user)


def removable_recipes(user: User) -> QuerySet[Recipe]:
    """What this person may delete, and take back: their own, and for admins the team's."""
    theirs = Q(user=user) | Q(is_team=True) if user.is_admin else Q(user=user)
    return Recipe.objects.filter(theirs)


def recipe_counts(user: User) -> dict[str, int]:
    return visible_recipes(user).aggregate(
        mine=Count("pk", filter=Q(user=user)), team=Count("pk", filter=Q(is_team=True))
    )


def search_recipes(rows: QuerySet[Recipe], text: str) -> QuerySet[Recipe]:
    """Recipes whose name, or newest prompt or model, holds every word of the text."""
    for word in text.split()[:10]:
        newest = Q(versions__prompt__icontains=word) | Q(versions__model_name__icontains=word)
        found = newest | Q(name__icontains=word)
        rows = rows.filter(found, versions__number=F("latest_number"))
    return rows


def with_latest(recipes: QuerySet[Recipe], user: User) -> QuerySet[Recipe]:
    """With `newest`: a list of the newest version alone, as `recipe_versions` has it."""
    newest = recipe_versions(user).filter(number=F("recipe__latest_number"))
    return recipes.select_related("user").prefetch_related(
        Prefetch("versions", newest, to_attr="newest")
    )


def recipe_versions(user: User) -> QuerySet[RecipeVersion]:
    """Newest first, with the job each was saved from and its `pictures` that this person sees."""
    pictures = Prefetch(
        "generation__images", visible_images(user).order_by("number"), to_attr="pictures"
    )
    rows = RecipeVersion.objects.filter(recipe__in=visible_recipes(user).order_by())
    return (
        rows.select_related("recipe__user", "by", "generation")
        .prefetch_related(pictures)
        .order_by("-number")
    )


def recipe_version(user: User, pk: uuid.UUID, number: str = "") -> RecipeVersion | None:
    """The version with that number, as text from outside; without one the newest."""
    rows = recipe_versions(user).filter(recipe=pk)
    if number:
        rows = rows.filter(number=int(number)) if _is_number(number) else rows.none()
    return rows.first()


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) < 10


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
