"""An account at Venice, as far as one key text opens it: what it may do, and how its line stands.

Venice counts requests and failures by account, whoever sends them, so whatever limits calls is
one row that all processes lock. Two people who saved the same key text share it.
"""

from typing import ClassVar

from django.db import models

DEFAULT_REQUESTS_PER_MINUTE = 20


class Account(models.Model):
    class Problem(models.TextChoices):
        NONE = "", "None"
        BAD_KEY = "bad_key", "Venice refused the key"
        NO_CREDIT = "no_credit", "No credit left"

    class Closed(models.TextChoices):
        """Why no call starts before `closed_until`."""

        NO = "", "Open"
        FULL = "full", "Its requests of the minute are made"
        RATE_LIMITED = "rate_limited", "Venice said to come back later"
        LOCKED_OUT = "locked_out", "Venice has locked it out"
        FAILING = "failing", "Too many calls failed just now"

    # A keyed hash of the key's text.
    fingerprint = models.CharField(primary_key=True, max_length=32)

    # What Venice told of it.
    tested_at = models.DateTimeField(null=True, blank=True)
    tier = models.CharField(max_length=40, blank=True)
    balance_usd = models.DecimalField(max_digits=38, decimal_places=18, null=True, blank=True)
    balance_diem = models.DecimalField(max_digits=38, decimal_places=18, null=True, blank=True)
    balance_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    requests_per_minute = models.PositiveIntegerField(default=DEFAULT_REQUESTS_PER_MINUTE)
    # The same figure in the newest answer's headers, which may be lower.
    seen_per_minute = models.PositiveIntegerField(null=True, blank=True)

    # A refused account is not used again until its key is replaced or tested.
    problem = models.CharField(max_length=16, choices=Problem.choices, blank=True)
    problem_at = models.DateTimeField(null=True, blank=True)
    closed_until = models.DateTimeField(null=True, blank=True)
    closed_for = models.CharField(max_length=16, choices=Closed.choices, blank=True)

    # Accounts take turns, least recently served first; and so do the people within one: see
    # `Generation.turn`. The newest turn served, for each lane.
    served_at = models.DateTimeField(null=True, blank=True)
    interactive_turn = models.BigIntegerField(default=0)
    background_turn = models.BigIntegerField(default=0)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["served_at"], name="account_turns")]

    def __str__(self) -> str:
        return f"account {self.fingerprint[:6]}"

    @property
    def per_minute(self) -> int:
        """Requests a minute: the lower one of what Venice has named, 20 while it named none."""
        return min(self.requests_per_minute, self.seen_per_minute or self.requests_per_minute)
