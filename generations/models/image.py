"""An image: where its files are, what they are, and whether people may see it."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class Image(models.Model):
    class State(models.TextChoices):
        SHOWN = "shown", "Shown"
        HELD = "held", "Held for review"

    class Visibility(models.TextChoices):
        TEAM = "team", "Team"
        PRIVATE = "private", "Only me"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    generation = models.ForeignKey("Generation", models.PROTECT, related_name="images")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="images", db_index=False
    )
    number = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=12, choices=State.choices, default=State.SHOWN)
    visibility = models.CharField(max_length=8, choices=Visibility.choices, default=Visibility.TEAM)
    # Venice's verdict, kept as it came.
    is_blurred = models.BooleanField(default=False)
    is_violation = models.BooleanField(default=False)
    is_adult = models.BooleanField(default=False)
    has_minor = models.BooleanField(default=False)

    seed = models.IntegerField(null=True)
    price = models.DecimalField(max_digits=12, decimal_places=6, null=True)
    format = models.CharField(max_length=4)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    bytes = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64, db_index=True)
    # Names in the storage.
    original = models.CharField(max_length=200)
    w512 = models.CharField(max_length=200)
    w1024 = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("generation", "number", name="one_image_a_number"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["-created_at", "-id"], condition=Q(state="shown"), name="image_gallery"
            ),
            models.Index(fields=["user", "-created_at", "-id"], name="image_of_user"),
        ]

    def __str__(self) -> str:
        return f"image {self.number} of {self.generation_id}"

    @property
    def is_held(self) -> bool:
        return self.state == self.State.HELD

    @property
    def ratio(self) -> float:
        return self.width / self.height
