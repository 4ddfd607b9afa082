"""Review: why an image is held, and what reviewers decided. Outlives the image."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class Reason(models.TextChoices):
    """Why an image waits."""

    ADULT = "adult", "Marked as adult content"
    BLURRED = "blurred", "Blurred by Venice"
    VIOLATION = "violation", "Breaks Venice’s content policy"
    MINOR = "minor", "Contains a minor"
    BLANK = "blank", "An empty picture"
    UNKNOWN = "unknown", "Held before reasons were kept"
    REPORTED = "reported", "Reported by a member"
    BLOCKED_TERM = "blocked_term", "A blocked term in its prompt"
    NEAR_REJECTED = "near_rejected", "Looks like a rejected image"
    APPEAL = "appeal", "Its maker appeals"


class Case(models.Model):
    """One image waiting for a decision; closed when there is one."""

    class State(models.TextChoices):
        OPEN = "open", "Waiting"
        ASKED = "asked", "Its maker is asked"
        CLOSED = "closed", "Decided"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    image = models.ForeignKey("Image", models.SET_NULL, null=True, related_name="cases")
    # The image's id, also when the image is gone.
    image_uuid = models.UUIDField(editable=False, db_index=True)
    # Its maker, and what it was made with, as it stood.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="cases")
    model_name = models.CharField(max_length=160, blank=True)
    prompt = models.TextField(blank=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    # Values of Reason, the first is why it was opened.
    reasons: Any = models.JSONField(default=list)
    # What the reporter wrote, the blocked term, or the appeal.
    words = models.TextField(blank=True)
    reporter = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    # An appeal is against this decision, and for another reviewer.
    appeal_of = models.OneToOneField(
        "Decision", models.PROTECT, null=True, blank=True, related_name="appeal"
    )
    # What the maker was asked, and answered.
    question = models.TextField(blank=True)
    asked_at = models.DateTimeField(null=True, blank=True)
    answer = models.TextField(blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)
    # A reviewer is looking at it; others go to the next one meanwhile.
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    claimed_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                "image", condition=~Q(state="closed"), name="one_open_case_an_image"
            ),
        ]
        indexes: ClassVar = [
            # Not by the state: SQLite would have to know the parameter of the query for it. What
            # waits for its maker's answer comes last.
            models.Index(
                fields=["-state", "opened_at", "id"], condition=Q(closed_at=None), name="case_queue"
            ),
            models.Index(fields=["user", "-opened_at"], name="case_of_maker"),
        ]

    def __str__(self) -> str:
        return f"case of {self.image_uuid}"


class Decision(models.Model):
    class Kind(models.TextChoices):
        APPROVE = "approve", "Approved"
        REJECT = "reject", "Rejected"

    class Code(models.TextChoices):
        """Why an image is rejected. Its maker reads it."""

        ADULT = "adult", "Adult content"
        REAL_PERSON = "real_person", "A real person"
        VIOLENCE = "violence", "Violence"
        RIGHTS = "rights", "Rights or brand"
        BRIEF = "brief", "Against the brief"
        OTHER = "other", "Other"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, models.PROTECT, related_name="decisions")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="decisions")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    code = models.CharField(max_length=16, choices=Code.choices, blank=True)
    note = models.TextField(blank=True)
    # Of a rejected picture, to know near-identical ones by; None for one that is approved.
    dhash = models.BigIntegerField(null=True)
    decided_at = models.DateTimeField(default=timezone.now)
    # Taken back within 30 s: as if it had not been.
    undone_at = models.DateTimeField(null=True, blank=True)
    # When its maker has read it.
    seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["-decided_at"], name="decision_newest"),
            models.Index(
                fields=["-decided_at"],
                condition=Q(undone_at=None, dhash__isnull=False),
                name="decision_hashes",
            ),
            models.Index(
                fields=["case"],
                condition=Q(undone_at=None, seen_at=None),
                name="decision_unseen",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of case {self.case_id}"
