"""A generation: what a person asked for, what it may cost, and how far it has come."""

import logging
import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

logger = logging.getLogger(__name__)


class State(models.TextChoices):
    QUEUED = "queued", "Queued"
    CALLING = "calling", "Running"
    SUCCEEDED = "succeeded", "Done"
    FAILED = "failed", "Failed"
    UNKNOWN = "unknown", "Unknown outcome"
    CANCELLED = "cancelled", "Cancelled"


# Every move there is. CALLING -> QUEUED only when Venice did not take the request. UNKNOWN ends
# only by an answer that came late after all: never by sending again.
MOVES: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.CALLING, State.FAILED, State.CANCELLED}),
    State.CALLING: frozenset({State.QUEUED, State.SUCCEEDED, State.FAILED, State.UNKNOWN}),
    State.UNKNOWN: frozenset({State.SUCCEEDED, State.FAILED}),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
}
ACTIVE = (State.QUEUED, State.CALLING)


class GenerationQuerySet(models.QuerySet["Generation"]):
    def active(self) -> "GenerationQuerySet":
        return self.filter(state__in=ACTIVE)

    def move(self, source: State, target: State, *, by: str, why: str, **values: Any) -> int:
        """Move the rows that still are in `source`; returns how many moved.

        One UPDATE decides between two processes that try the same: the row changes once.
        Raises ValueError for a move that MOVES does not allow.
        """
        if target not in MOVES[source]:
            raise ValueError(f"{source} -> {target} is not allowed")
        moved = self.filter(state=source).update(
            state=target, version=F("version") + 1, changed_at=timezone.now(), **values
        )
        if moved:
            logger.info("generation %s -> %s (%s) by %s: %s", source, target, moved, by, why)
        return moved


class Generation(models.Model):
    State = State

    class Lane(models.IntegerChoices):
        INTERACTIVE = 0
        BACKGROUND = 1

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="generations", db_index=False
    )
    key = models.ForeignKey("VeniceKey", models.SET_NULL, null=True, related_name="generations")
    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    # Grows with every change a page shows; pollers compare it.
    version = models.PositiveIntegerField(default=1)
    lane = models.PositiveSmallIntegerField(choices=Lane.choices, default=Lane.INTERACTIVE)
    # Start-time fair queueing: a person's next job takes their last turn + 1, or the turn that is
    # served now when that is later. Served in this order, people take turns.
    turn = models.BigIntegerField(default=0)
    # One form, one generation: a second post with the same token finds the first.
    form_token = models.CharField(max_length=64, null=True, blank=True)

    model = models.CharField(max_length=120)
    model_name = models.CharField(max_length=160)
    prompt = models.TextField()
    negative_prompt = models.TextField(blank=True)
    # None where the model takes none.
    seed = models.IntegerField(null=True)
    variants = models.PositiveSmallIntegerField(default=1)
    # Exactly what is sent to Venice beside model and prompt, and the catalogue entry it fitted.
    parameters: Any = models.JSONField(default=dict)
    catalogue_entry: Any = models.JSONField(default=dict)
    # Expected shape of the picture, width : height, so that its frame has its final size.
    ratio = models.FloatField(default=1.0)

    # USD. `price` is what it was said to cost, null when unknown; `charged` what it did cost.
    price = models.DecimalField(max_digits=12, decimal_places=6, null=True)
    charged = models.DecimalField(max_digits=12, decimal_places=6, null=True)
    # How many of its images left the trash for good: they came, and were paid for.
    erased = models.PositiveSmallIntegerField(default=0)

    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)
    # Not claimed before this time: backing off, or the limiter said when.
    runs_after = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_holder = models.CharField(max_length=64, blank=True)

    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.TextField(blank=True)
    error_field = models.CharField(max_length=60, blank=True)

    # Asked for while the stand-in painted: never sent to Venice itself, nor counted as spent.
    is_demo = models.BooleanField(default=False)
    retry_of = models.ForeignKey("self", models.SET_NULL, null=True, related_name="retries")
    # The image it was remixed from.
    made_from = models.ForeignKey("Image", models.SET_NULL, null=True, related_name="made_into")
    # The program's token that asked for it; and for whom, in the program's own words.
    token = models.ForeignKey(
        "ApiToken", models.SET_NULL, null=True, related_name="generations", db_index=False
    )
    end_user = models.CharField(max_length=255, blank=True)
    # What its images will be: "team" or "private".
    visibility = models.CharField(max_length=8, default="team")
    # Asked to stop while the call ran: the result is kept, the asker's lists leave it out.
    is_hidden = models.BooleanField(default=False)
    # "Let it go": the person has read the failure and wants it out of the way.
    is_dismissed = models.BooleanField(default=False)

    objects: ClassVar[models.Manager["Generation"]] = GenerationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                "user", "form_token", condition=Q(form_token__isnull=False), name="one_per_form"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["user", "-created_at"], name="generation_of_user"),
            models.Index(
                fields=["key", "lane", "turn", "created_at", "id"],
                condition=Q(state=State.QUEUED),
                name="generation_line",
            ),
            models.Index(fields=["key", "user", "lane", "turn"], name="generation_turns"),
            models.Index(
                fields=["is_demo"], condition=Q(state=State.QUEUED), name="generation_mode"
            ),
            # All that a month's sums read, so that a submit against the team's budget need not
            # look at the rows themselves.
            models.Index(
                fields=["created_at", "is_demo", "state", "price", "charged"],
                name="generation_month",
            ),
            # What a token has spent.
            models.Index(fields=["token", "created_at"], name="generation_of_token"),
            # What a page of a person's open matters asks for, however long their history is.
            models.Index(
                fields=["user", "state"],
                # Not also by the states: SQLite sees no partial index behind a bound IN (…).
                condition=Q(is_dismissed=False),
                name="generation_open",
            ),
            models.Index(
                fields=["lease_until"],
                condition=Q(state=State.CALLING),
                name="generation_leases",
            ),
            # What waits for a person to say what it cost.
            models.Index(
                fields=["created_at"],
                condition=Q(state=State.UNKNOWN, charged=None),
                name="generation_maybe",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model_name}: {self.prompt[:60]}"

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE
