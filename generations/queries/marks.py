"""What people said of images, as far as the one who asks may see it."""

import uuid
from collections.abc import Iterable

from django.db.models import Exists, OuterRef, QuerySet

from generations.models import Favourite, Image, ImageTag, Tag, User
from generations.queries.images import visible_images


def is_favourite(user: User, image: Image) -> bool:
    return Favourite.objects.filter(user=user, image=image).exists()


def favourites_among(user: User, images: Iterable[Image]) -> set[uuid.UUID]:
    """Which of these images are this person's favourites."""
    rows = Favourite.objects.filter(user=user, image__in=[image.pk for image in images])
    return set(rows.values_list("image", flat=True))


def visible_tags(user: User) -> QuerySet[Tag]:
    """Tags on what this person sees: words on others' private images are private too."""
    there = ImageTag.objects.filter(tag=OuterRef("pk"), image__in=visible_images(user))
    return Tag.objects.filter(Exists(there)).order_by("name")


def made_from(user: User, image: Image) -> Image | None:
    """The image that this one was remixed from, when this person sees it."""
    pk = image.generation.made_from_id
    rows = visible_images(user).select_related("generation")
    return rows.filter(pk=pk).first() if pk else None


def made_into(user: User, image: Image) -> QuerySet[Image]:
    """The images that were remixed from this one, newest first."""
    rows = visible_images(user).filter(generation__made_from=image, is_hidden=False)
    return rows.select_related("generation").order_by("-created_at", "-id")
