"""Money: a job belongs to the month in which it was asked for, UTC, as it does for the budgets."""

from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import (
    BooleanField,
    Count,
    ExpressionWrapper,
    F,
    Max,
    Q,
    QuerySet,
    Sum,
    Value,
)
from django.db.models.functions import TruncDate

from generations.models import Budget, Generation, Image, User
from generations.models.generation import ACTIVE, State
from generations.models.spend import MAYBE, Month, total

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
    """Person, model, how many images came of the jobs, and how many of these are held.

    In two parts: the images that are here, and those that are gone for good.
    """
    groups = Image.objects.order_by().filter(generation__in=jobs)
    counted = groups.values("generation__user", "generation__model").annotate(
        came=Count("pk"), held=Count("pk", filter=Q(state=Image.State.HELD))
    )
    here = list(counted.values_list("generation__user", "generation__model", "came", "held"))
    gone = (
        jobs.order_by()
        .filter(erased__gt=0)
        .values("user", "model")
        .annotate(came=Sum("erased"), held=Value(0))
    )
    return [*here, *gone.values_list("user", "model", "came", "held")]


def maybe_charged(jobs: QuerySet[Generation]) -> QuerySet[Generation]:
    """Jobs whose cost a person has still to say, oldest first."""
    return jobs.filter(MAYBE).select_related("user").order_by("created_at", "pk")


def ledger(jobs: QuerySet[Generation]) -> QuerySet[Generation]:
    """A line for each job, oldest first, with `came` (images) and `is_team` (whose key)."""
    rows = jobs.select_related("user").annotate(
        came=Count("images") + F("erased"), is_team=ExpressionWrapper(ON_TEAM_KEY, BooleanField())
    )
    return rows.order_by("created_at", "pk")


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
