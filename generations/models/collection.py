"""A collection: images under a name, in an order made by hand or found by a saved search."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class Collection(models.Model):
    NAME_LIMIT = 80

    class Visibility(models.TextChoices):
        PRIVATE = "private", "Only me"
        TEAM = "team", "Team"
        PEOPLE = "people", "Named people"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="collections")
    name = models.CharField(max_length=NAME_LIMIT)
    description = models.TextField(blank=True)
    # Deleting one does not take what is below it along: that moves up.
    parent = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="children"
    )
    # Among its siblings, by hand; gaps are fine.
    position = models.IntegerField(default=0)
    # Without one, or when it may not be seen, the first visible image stands for it.
    cover = models.ForeignKey(
        "Image", models.SET_NULL, null=True, blank=True, related_name="covers"
    )
    visibility = models.CharField(
        max_length=8, choices=Visibility.choices, default=Visibility.PRIVATE
    )
    # The gallery's query string of a smart collection: it has no items, the search finds them.
    search = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)
    # Kept for a while, so that a deletion can be undone.
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["parent", "position"],
                condition=Q(deleted_at=None),
                name="collection_order",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_smart(self) -> bool:
        return bool(self.search)


class CollectionItem(models.Model):
    collection = models.ForeignKey(Collection, models.CASCADE, related_name="items", db_index=False)
    image = models.ForeignKey("Image", models.CASCADE, related_name="items")
    # Lower comes first; moving one between two others takes the middle, renumbered when none is.
    position = models.BigIntegerField(default=0)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    added_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("collection", "image", name="one_place_a_collection"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["collection", "position", "id"], name="collection_items"),
        ]

    def __str__(self) -> str:
        return f"{self.image_id} in {self.collection_id}"


class CollectionMember(models.Model):
    """Somebody named by the owner of a collection: sees it, and with `may_add` adds images."""

    collection = models.ForeignKey(
        Collection, models.CASCADE, related_name="members", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="collection_memberships"
    )
    may_add = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("collection", "user", name="one_membership_a_person"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} of {self.collection_id}"
