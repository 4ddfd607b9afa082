"""What people may spend. What they did spend stands in their generations, and nowhere else."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q


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
