"""An image: where its files are, what they are, and whether people may see it."""

import uuid
from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone

if TYPE_CHECKING:
    from generations.models.tag import ImageTag, Tag

# A picture within 3 % of one of these is called so.
ASPECT_RATIOS = (
    *("21:9", "2:1", "16:9", "3:2", "4:3", "5:4", "1:1"),
    *("4:5", "3:4", "2:3", "9:16", "1:2", "9:21"),
)
_NEWEST = ("-created_at", "-id")
# What hangs in the gallery, as far as an index can say it.
_HUNG = Q(deleted_at=None, is_hidden=False)


def _near(ratio: str) -> Q:
    """In whole numbers, for these columns are worked out by the database."""
    across, down = (int(side) for side in ratio.split(":"))
    low, high = across * 970 // down, across * 1030 // down
    return Q(width__gte=F("height") * low / 1000, width__lte=F("height") * high / 1000)


_SHAPE = Case(
    When(_near("1:1"), then=Value("square")),
    When(width__gt=F("height"), then=Value("landscape")),
    default=Value("portrait"),
)
_NEAREST = Case(
    *(When(_near(ratio), then=Value(ratio)) for ratio in ASPECT_RATIOS), default=Value("")
)


class Image(models.Model):
    class State(models.TextChoices):
        SHOWN = "shown", "Shown"
        HELD = "held", "Held for review"
        REJECTED = "rejected", "Rejected"
        # Contains a minor: nobody releases it.
        LOCKED = "locked", "Locked away"

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
    # Difference hash of the picture, 64 bits as a signed number; None: made before it was kept.
    dhash = models.BigIntegerField(null=True, editable=False)
    # Names in the storage. The copies are made a moment after the row: until then they are "".
    original = models.CharField(max_length=200)
    w512 = models.CharField(max_length=200, blank=True)
    w1024 = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    # What people say of it: for all who may see it.
    note = models.TextField(blank=True)
    rating = models.PositiveSmallIntegerField(null=True, blank=True)  # 1 to 5
    tags: "models.ManyToManyField[Tag, ImageTag]" = models.ManyToManyField(
        "Tag", through="ImageTag", related_name="images"
    )
    # In the trash since; after 30 days row and files go.
    deleted_at = models.DateTimeField(null=True, blank=True)
    deleted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )

    # Copies of what the gallery filters by, so that a million images need no join.
    model = models.CharField(max_length=120, blank=True)
    style = models.CharField(max_length=80, blank=True)
    # The person asked to stop while the call ran: kept, but not hung up.
    is_hidden = models.BooleanField(default=False)
    has_parent = models.BooleanField(default=False)
    # Worked out by the database: "landscape", and "16:9" or "" for what is near to no known one.
    shape = models.GeneratedField(
        expression=_SHAPE, output_field=models.CharField(max_length=9), db_persist=True
    )
    aspect_ratio = models.GeneratedField(
        expression=_NEAREST, output_field=models.CharField(max_length=5), db_persist=True
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("generation", "number", name="one_image_a_number"),
            # Whatever code does: what shows a minor is shown to nobody.
            models.CheckConstraint(
                condition=Q(has_minor=False) | Q(state="locked"), name="minor_is_locked_away"
            ),
        ]
        indexes: ClassVar = [
            # A list is one stretch of one of these, newest first, at any depth. No state in the
            # conditions: SQLite would have to know the parameter of the query for it.
            models.Index(fields=_NEWEST, condition=_HUNG, name="image_hung"),
            models.Index(fields=["user", *_NEWEST], condition=_HUNG, name="image_of_person"),
            models.Index(fields=["model", *_NEWEST], condition=_HUNG, name="image_of_model"),
            models.Index(fields=["style", *_NEWEST], condition=_HUNG, name="image_of_style"),
            models.Index(fields=["shape", *_NEWEST], condition=_HUNG, name="image_of_shape"),
            models.Index(fields=["aspect_ratio", *_NEWEST], condition=_HUNG, name="image_of_ratio"),
            models.Index(
                fields=[*_NEWEST, "rating"],
                condition=_HUNG & Q(rating__isnull=False),
                name="image_rated",
            ),
            models.Index(
                fields=_NEWEST, condition=_HUNG & Q(has_parent=True), name="image_with_parent"
            ),
            models.Index(fields=["price"], condition=_HUNG, name="image_of_price"),
            models.Index(
                fields=["deleted_at"], condition=Q(deleted_at__isnull=False), name="image_trash"
            ),
            models.Index(fields=["dhash"], condition=Q(has_minor=True), name="image_of_minor"),
            models.Index(fields=["created_at"], condition=Q(w512=""), name="image_without_copies"),
        ]

    def __str__(self) -> str:
        return f"image {self.number} of {self.generation_id}"

    @property
    def is_held(self) -> bool:
        """Kept from everybody but reviewers: held, rejected, or locked away."""
        return self.state != self.State.SHOWN

    @property
    def ratio(self) -> float:
        return self.width / self.height
