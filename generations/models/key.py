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

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="venice_key"
    )
    source = models.CharField(max_length=16, choices=Source.choices, default=Source.SAVED)
    secret = models.TextField(editable=False)
    last_four = models.CharField(max_length=4)
    # What Venice knows it by; another text is another account.
    account = models.ForeignKey("Account", models.PROTECT, related_name="keys")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "Venice key"
        constraints: ClassVar = [
            models.UniqueConstraint("source", condition=Q(user=None), name="one_team_key_a_source"),
        ]

    # Admin pages and the audit log say this: of a person's own key not even the last four.
    def __str__(self) -> str:
        return f"…{self.last_four}" if self.is_team else "a key of their own"

    def __repr__(self) -> str:
        return f"<VeniceKey {self.pk}>"

    @property
    def is_team(self) -> bool:
        return self.user_id is None


class Salt(models.Model):
    """What is mixed into fingerprints of keys, encrypted. Made once: an encryption key that is
    taken away later changes no fingerprint."""

    # There is one.
    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    secret = models.TextField(editable=False)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(id=1), name="one_salt")]

    def __str__(self) -> str:
        return "salt"
