"""A Venice key, encrypted. `user` is its owner; without one it is the team's."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q


class VeniceKey(models.Model):
    class Source(models.TextChoices):
        SAVED = "saved", "Saved here"
        ENVIRONMENT = "environment", "From VENICE_API_KEY"

    class Problem(models.TextChoices):
        NONE = "", "None"
        BAD_KEY = "bad_key", "Venice refused the key"
        NO_CREDIT = "no_credit", "No credit left"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="venice_key"
    )
    source = models.CharField(max_length=16, choices=Source.choices, default=Source.SAVED)
    secret = models.TextField(editable=False)
    last_four = models.CharField(max_length=4)
    fingerprint = models.CharField(max_length=32, db_index=True)
    # A refused key is not sent again until it is replaced or tested.
    problem = models.CharField(max_length=16, choices=Problem.choices, blank=True)
    problem_at = models.DateTimeField(null=True, blank=True)
    tested_at = models.DateTimeField(null=True, blank=True)
    tier = models.CharField(max_length=40, blank=True)
    balance_usd = models.DecimalField(max_digits=38, decimal_places=18, null=True, blank=True)
    balance_diem = models.DecimalField(max_digits=38, decimal_places=18, null=True, blank=True)
    balance_at = models.DateTimeField(null=True, blank=True)
    requests_per_minute = models.PositiveIntegerField(default=20)
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "Venice key"
        constraints: ClassVar = [
            models.UniqueConstraint("source", condition=Q(user=None), name="one_team_key_a_source"),
        ]

    def __str__(self) -> str:
        return f"…{self.last_four}"

    def __repr__(self) -> str:
        return f"<VeniceKey …{self.last_four}>"

    @property
    def is_team(self) -> bool:
        return self.user_id is None
