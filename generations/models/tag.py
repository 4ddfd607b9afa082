"""Words that people give images, and the images each person keeps close."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone


class Tag(models.Model):
    """One for the whole team; `name` is lower case and has no commas."""

    NAME_LIMIT = 40

    name = models.CharField(max_length=NAME_LIMIT, unique=True)

    def __str__(self) -> str:
        return self.name


class ImageTag(models.Model):
    image = models.ForeignKey("Image", models.CASCADE, related_name="image_tags", db_index=False)
    tag = models.ForeignKey(Tag, models.CASCADE, related_name="image_tags")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("image", "tag", name="one_tag_an_image"),
        ]

    def __str__(self) -> str:
        return f"{self.tag_id} on {self.image_id}"


class Favourite(models.Model):
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="favourites", db_index=False
    )
    image = models.ForeignKey("Image", models.CASCADE, related_name="favourites")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("user", "image", name="one_favourite_a_person"),
        ]

    def __str__(self) -> str:
        return f"{self.image_id} of {self.user_id}"
