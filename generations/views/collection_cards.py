"""Collections and the images in them as cards and as places to arrange."""

import uuid
from dataclasses import dataclass

from django.urls import reverse

from generations import queries
from generations.models import Collection, Image, User
from generations.views.cards import Frame, frame
from generations.views.words import clip, images


@dataclass
class Card:
    id: uuid.UUID
    dom_id: str
    url: str
    name: str
    edge: str
    who: str
    is_private: bool
    frame: Frame | None
    order_url: str


@dataclass
class Place:
    """An image of a collection in the order that its owner makes."""

    id: uuid.UUID
    dom_id: str
    name: str
    frame: Frame
    order_url: str
    cover_url: str
    remove_url: str
    is_cover: bool


def cards(collections: list[Collection], user: User) -> list[Card]:
    """Of collections from `queries.with_covers`."""
    covers = queries.covers(collections, user)
    return [_card(one, covers.get(one.pk), user) for one in collections]


def _card(collection: Collection, cover: Image | None, user: User) -> Card:
    found = images(collection.seen)  # type: ignore[attr-defined]
    is_mine = collection.user_id == user.pk
    return Card(
        id=collection.pk,
        dom_id=f"c-{collection.pk.hex}",
        url=reverse("collection-detail", args=[collection.pk]),
        name=collection.name,
        edge="Smart" if collection.is_smart else found,
        who=readers(collection) if is_mine else collection.user.display_name,
        is_private=collection.visibility == Collection.Visibility.PRIVATE,
        frame=frame(cover, cover.generation.prompt) if cover else None,
        order_url=reverse("collections-order"),
    )


def readers(collection: Collection) -> str:
    return {
        Collection.Visibility.PRIVATE: "Only you",
        Collection.Visibility.TEAM: "The team",
        Collection.Visibility.PEOPLE: "Named people",
    }[Collection.Visibility(collection.visibility)]


def places(collection: Collection, found: list[Image]) -> list[Place]:
    urls = {
        name: reverse(f"collection-{name}", args=[collection.pk])
        for name in ("order", "cover", "remove")
    }
    return [
        Place(
            id=image.pk,
            dom_id=f"i-{image.pk.hex}",
            name=clip(image.generation.prompt, 80),
            frame=frame(image, image.generation.prompt),
            order_url=urls["order"],
            cover_url=urls["cover"],
            remove_url=urls["remove"],
            is_cover=image.pk == collection.cover_id,
        )
        for image in found
    ]
