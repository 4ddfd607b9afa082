"""What programs sign in with, and what they asked for once already."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone


class Scope(models.TextChoices):
    GENERATE = "generate", "Make images"
    READ = "read", "Read my jobs and images"
    SHARE = "share", "Make share links"
    REVIEW = "review", "Decide on held images"


class ApiToken(models.Model):
    """A person's token. Its text is shown once; here is only what finds it again."""

    Scope = Scope

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    # SHA-256 of the text: 256 random bits need no slow hash.
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    last_four = models.CharField(max_length=4)
    scopes: Any = models.JSONField(default=list)
    expires_at = models.DateTimeField(null=True, blank=True)
    # Written at most once a minute.
    last_used_at = models.DateTimeField(null=True, blank=True)
    # A hard limit for each calendar month (UTC), beside the person's own.
    monthly_usd = models.DecimalField(
        max_digits=10,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
    )
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name} (…{self.last_four})"

    @property
    def is_over(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def works(self) -> bool:
        return self.revoked_at is None and not self.is_over


class Submission(models.Model):
    """A request of a program that was taken, so that the same one again leads to the same jobs.

    Forgotten after a day.
    """

    token = models.ForeignKey(ApiToken, models.CASCADE, db_index=False)
    # SHA-256 of the Idempotency-Key, "" without one; and of what was asked for.
    key = models.CharField(max_length=64, blank=True)
    body = models.CharField(max_length=64)
    # Ids of the generations.
    jobs: Any = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now)
    # When it was answered with something that a program does not send again for.
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                "token", "key", condition=~Q(key=""), name="one_submission_a_key"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["token", "body", "-created_at"], name="submission_twin"),
            models.Index(fields=["token", "created_at"], name="submission_age"),
        ]

    def __str__(self) -> str:
        return f"submission of {self.created_at:%Y-%m-%d %H:%M:%S}"
