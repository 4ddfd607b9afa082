"""Addresses that are told when a person's jobs end, and what came of telling them."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class Happening(models.TextChoices):
    """What an address may be told."""

    SUCCEEDED = "generation.succeeded", "It succeeded"
    FAILED = "generation.failed", "It failed"
    UNKNOWN = "generation.unknown", "Its outcome is unknown"
    CANCELLED = "generation.cancelled", "It was cancelled"


class Webhook(models.Model):
    """A person's address, which is told of that person's jobs alone."""

    Happening = Happening

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=500)
    # Values of Happening.
    events: Any = models.JSONField(default=list)
    # What each message is signed with, encrypted; shown once.
    secret = models.TextField(editable=False)
    # Off once the address has said that it is gone for good.
    is_on = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.url


class WebhookDelivery(models.Model):
    """One message to one address. Its id is the same at every try, so that the other side can
    tell a repetition."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waits"
        DELIVERED = "delivered", "Delivered"
        GIVEN_UP = "given_up", "Given up"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries", db_index=False)
    # None: a test.
    generation = models.ForeignKey("Generation", models.CASCADE, null=True, related_name="+")
    # A value of Happening, or "webhook.test".
    event = models.CharField(max_length=24)
    state = models.CharField(max_length=12, choices=State.choices, default=State.WAITING)
    # Not sent before this moment; while it is being sent, the moment when that counts as lost.
    due_at = models.DateTimeField(default=timezone.now)
    tries = models.PositiveSmallIntegerField(default=0)
    # What came of each try: [{"at", "seconds", "status", "problem"}].
    log: Any = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        verbose_name_plural = "webhook deliveries"
        constraints: ClassVar = [
            # However often an end is noticed, it is told once.
            models.UniqueConstraint(
                "webhook",
                "generation",
                "event",
                condition=Q(generation__isnull=False),
                name="one_delivery_an_end",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["webhook", "-created_at"], name="delivery_of_webhook"),
            models.Index(fields=["due_at"], condition=Q(state="waiting"), name="delivery_due"),
            models.Index(fields=["finished_at"], name="delivery_age"),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.webhook_id}"
