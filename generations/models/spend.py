"""What people may spend. What they did spend stands in their generations, and nowhere else."""

import calendar
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import ClassVar

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Case, F, Q, Sum, Value, When
from django.db.models.functions import Coalesce, Round
from django.utils import timezone

from generations.models.generation import ACTIVE, State

MONEY = models.DecimalField(max_digits=14, decimal_places=6)
MAYBE = Q(state=State.UNKNOWN, charged=None)
# What a job counts as. A price that nobody knows cannot be counted.
COUNTED = Case(
    When(Q(state__in=ACTIVE) | MAYBE, then=F("price")),
    default=F("charged"),
    output_field=MONEY,
)


def total(condition: Q | None = None) -> Round:
    """The sum of what the jobs count as, 0 of none.

    Rounded, since SQLite adds decimals as floats: after a thousand jobs 1.00 is not 1.
    """
    summed = Coalesce(Sum(COUNTED, filter=condition), Value(Decimal(0)), output_field=MONEY)
    return Round(summed, precision=MONEY.decimal_places, output_field=MONEY)


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month, UTC: what budgets count by, and one page of the usage."""

    year: int
    number: int

    @classmethod
    def of(cls, moment: datetime) -> "Month":
        return cls(moment.astimezone(UTC).year, moment.astimezone(UTC).month)

    @classmethod
    def current(cls) -> "Month":
        return cls.of(timezone.now())

    @property
    def start(self) -> datetime:
        return datetime(self.year, self.number, 1, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first moment that is no longer in it."""
        return self.next.start

    @property
    def days(self) -> int:
        return calendar.monthrange(self.year, self.number)[1]

    @property
    def next(self) -> "Month":
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    @property
    def previous(self) -> "Month":
        return Month(self.year - (self.number == 1), (self.number - 2) % 12 + 1)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"


def month_start(now: datetime | None = None) -> datetime:
    """The first moment of the calendar month, UTC."""
    return Month.of(now or timezone.now()).start


class Budget(models.Model):
    """A hard limit in USD for each calendar month (UTC)."""

    class Scope(models.TextChoices):
        TEAM = "team", "The whole team together"
        EVERYONE = "everyone", "Each person without one of their own"
        PERSON = "person", "One person"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    scope = models.CharField(max_length=10, choices=Scope.choices)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="budget"
    )
    monthly_usd = models.DecimalField(
        max_digits=10, decimal_places=2, validators=[MinValueValidator(0)]
    )
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("scope", condition=Q(user=None), name="one_budget_a_scope"),
            models.CheckConstraint(
                condition=Q(scope="person", user__isnull=False)
                | (~Q(scope="person") & Q(user=None)),
                name="a_person_only_in_scope_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_scope_display()}: ${self.monthly_usd}"
