"""An invitation: a link that makes one account, once."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from generations.models.user import User


class Invite(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # SHA-256 of the token, to find it by; the token itself, encrypted, to show it to admins.
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    token = models.TextField(editable=False)
    role = models.CharField(max_length=16, choices=User.Role.choices, default=User.Role.MEMBER)
    # For whom it is; with an address only that one can use it.
    email = models.EmailField(max_length=254, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="invites_made"
    )
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)
    used_by = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="invite"
    )

    class Meta:
        indexes: ClassVar = [models.Index(fields=["-created_at"], name="invite_newest")]

    def __str__(self) -> str:
        return f"invitation {self.pk} as {self.role}"
