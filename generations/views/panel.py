"""The panel of the image page: what people say of it, where it is kept, what it is kin to."""

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from django.urls import reverse

from generations import queries
from generations.models import Image, User
from generations.services.mark import RATINGS
from generations.views import cards

MOST_KIN = 6
COUNTED_KIN = 99


def favourite(user: User, image: Image) -> dict[str, Any]:
    return {
        "is_favourite": queries.is_favourite(user, image),
        "mark_url": reverse("image-mark", args=[image.pk]),
    }


def marks(
    user: User, image: Image, problems: Mapping[str, str] | None, given: QueryDict
) -> dict[str, Any]:
    """Of an image that this person sees in their lists. `problems`: field -> what is wrong with
    what was `given`."""
    return {
        "image": image,
        "mark_url": reverse("image-mark", args=[image.pk]),
        "ratings": [
            {
                "value": value,
                "is_on": value <= (image.rating or 0),
                "is_current": value == image.rating,
                "label": "1 star" if value == 1 else f"{value} stars",
            }
            for value in RATINGS
        ],
        "tags": list(image.tags.order_by("name").values_list("name", flat=True)),
        "collections": [
            {"name": one.name, "url": reverse("collection-detail", args=[one.pk])}
            for one in queries.collections_of(user, image).only("pk", "name")[:20]
        ],
        "is_mine": image.user_id == user.pk,
        "is_private": image.visibility == Image.Visibility.PRIVATE,
        "problems": problems or {},
        "given": given,
    }


def lineage(user: User, image: Image) -> dict[str, Any] | None:
    """What it was made from and into, as far as this person sees it; None when alone."""
    parent = queries.made_from(user, image)
    children = list(queries.made_into(user, image)[: COUNTED_KIN + 1])
    if parent is None and not children:
        return None
    count = f"{COUNTED_KIN}+" if len(children) > COUNTED_KIN else str(len(children))
    return {
        "parent": _kin(parent) if parent else None,
        "self": _kin(image),
        "children": [_kin(child) for child in children[:MOST_KIN]],
        "more": max(0, len(children) - MOST_KIN),
        "label": f"{count} made from it",
    }


def _kin(image: Image) -> cards.Frame:
    return cards.frame(image, image.generation.prompt)
