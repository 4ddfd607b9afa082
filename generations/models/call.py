"""One POST to Venice. The row is committed before the first byte is sent.

So whatever is killed afterwards, the database knows that money may have been spent.
"""

import uuid
from typing import Any, ClassVar

from django.db import models


class Call(models.Model):
    class Outcome(models.TextChoices):
        OPEN = "open", "Under way"
        ARRIVED = "arrived", "Answered"
        REFUSED = "refused", "Refused, nothing charged"
        NOT_TAKEN = "not_taken", "Not taken, tried again"
        BROKEN = "broken", "Charged, but no usable image"
        UNKNOWN = "unknown", "May have been charged"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    generation = models.ForeignKey("Generation", models.CASCADE, related_name="calls")
    key = models.ForeignKey("VeniceKey", models.SET_NULL, null=True, related_name="calls")
    # Venice counts by account: also after the key was removed and saved again.
    account = models.ForeignKey(
        "Account", models.SET_NULL, null=True, related_name="calls", db_index=False
    )
    number = models.PositiveSmallIntegerField()
    outcome = models.CharField(max_length=12, choices=Outcome.choices, default=Outcome.OPEN)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=40, blank=True)
    # Venice's own words, clipped and cleaned; for the generation page of its maker and admins.
    error_detail = models.CharField(max_length=400, blank=True)
    request_id = models.CharField(max_length=120, blank=True)
    answered_model = models.CharField(max_length=120, blank=True)
    enhanced_prompt = models.TextField(blank=True)
    timing_ms: Any = models.JSONField(default=dict)
    charged = models.DecimalField(max_digits=12, decimal_places=6, null=True)

    class Meta:
        ordering: ClassVar = ["generation", "number"]
        indexes: ClassVar = [
            models.Index(fields=["-started_at"], name="call_newest"),
            # What the limiter counts: the calls of a minute; those under way, failed, arrived.
            models.Index(fields=["account", "-started_at"], name="call_minute"),
            models.Index(fields=["account", "outcome", "finished_at"], name="call_outcomes"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint("generation", "number", name="one_call_a_try"),
        ]

    def __str__(self) -> str:
        return f"call {self.number} of {self.generation_id}"

    @property
    def seconds(self) -> float | None:
        return (self.finished_at - self.started_at).total_seconds() if self.finished_at else None
