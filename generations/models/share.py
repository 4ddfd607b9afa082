"""A share link: what somebody outside may see, until when, and what they picked."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone


class Share(models.Model):
    LABEL_LIMIT = 80

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="shares")
    # SHA-256 of the token, to find it by; the token itself, encrypted, to show it to its owner.
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    token = models.TextField(editable=False)
    # A collection as it is at each visit, or the images of ShareImage.
    collection = models.ForeignKey(
        "Collection", models.CASCADE, null=True, blank=True, related_name="shares"
    )
    # For whom it is; guests' picks go under this label. The page does not name its owner.
    label = models.CharField(max_length=LABEL_LIMIT, blank=True)
    title = models.CharField(max_length=120, blank=True)
    # Hashed; empty: none is asked for.
    password = models.CharField(max_length=128, blank=True, editable=False)
    may_download = models.BooleanField(default=False)
    shows_prompt = models.BooleanField(default=False)
    asks_picks = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    visits = models.PositiveIntegerField(default=0)
    visited_at = models.DateTimeField(null=True, blank=True)
    # When the guest last said that the picks are done.
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["user", "-created_at"], name="share_of_user"),
            models.Index(fields=["-created_at"], name="share_newest"),
        ]

    def __str__(self) -> str:
        return self.label or f"link {self.pk}"


class ShareImage(models.Model):
    share = models.ForeignKey(Share, models.CASCADE, related_name="items", db_index=False)
    image = models.ForeignKey("Image", models.CASCADE, related_name="share_items")
    position = models.PositiveIntegerField(default=0)
    # Its maker shared it though it was private. What turns private later is taken back.
    was_private = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("share", "image", name="one_place_a_share"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["share", "position", "id"], name="share_items"),
        ]

    def __str__(self) -> str:
        return f"{self.image_id} by {self.share_id}"


class Pick(models.Model):
    """What a guest said of an image through a link."""

    NOTE_LIMIT = 500

    class Choice(models.TextChoices):
        OPEN = "", "Open"
        YES = "yes", "Yes"
        NO = "no", "No"

    share = models.ForeignKey(Share, models.CASCADE, related_name="picks", db_index=False)
    image = models.ForeignKey("Image", models.CASCADE, related_name="picks")
    choice = models.CharField(max_length=3, choices=Choice.choices, blank=True)
    note = models.CharField(max_length=NOTE_LIMIT, blank=True)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("share", "image", name="one_pick_a_share"),
        ]

    def __str__(self) -> str:
        return f"{self.choice or 'open'}: {self.image_id}"
