"""Collections: who may see, fill and arrange them, and the images each person finds inside.

A collection never shows an image to somebody who may not see it otherwise: what is held, in the
trash, or somebody else's and private is neither shown nor counted.
"""

import uuid
from typing import Any

from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    UUIDField,
    When,
)
from django.db.models.functions import Coalesce, Lower

from generations.models import Collection, CollectionItem, CollectionMember, Image, User
from generations.queries.images import visible_images


def own_collections(user: User) -> QuerySet[Collection]:
    """In their order by hand, each among its siblings."""
    return Collection.objects.filter(user=user, deleted_at=None).order_by(
        "position", Lower("name"), "pk"
    )


def visible_collections(user: User) -> QuerySet[Collection]:
    """What this person may open: their own, the team's, and those that name them."""
    named = CollectionMember.objects.filter(collection=OuterRef("pk"), user=user)
    seen = Q(user=user) | Q(visibility=Collection.Visibility.TEAM)
    seen |= Q(Exists(named), visibility=Collection.Visibility.PEOPLE)
    return Collection.objects.filter(seen, deleted_at=None)


def fillable_collections(user: User) -> QuerySet[Collection]:
    """What this person may add images to: their own, and those that say so. None that is smart."""
    named = CollectionMember.objects.filter(collection=OuterRef("pk"), user=user, may_add=True)
    shared = ~Q(visibility=Collection.Visibility.PRIVATE)
    theirs = Q(user=user) | Q(Exists(named), shared)
    rows = Collection.objects.filter(theirs, deleted_at=None, search="")
    return rows.select_related("user").order_by("-changed_at", "pk")


def removable_collections(user: User) -> QuerySet[Collection]:
    """What this person may delete, and take back: their own, and for admins the team's."""
    if user.is_admin:
        return Collection.objects.filter(Q(user=user) | Q(visibility=Collection.Visibility.TEAM))
    return Collection.objects.filter(user=user)


def top_collections(user: User) -> QuerySet[Collection]:
    """Those that stand in no other one that this person sees: their own first, in their order,
    then the others' by name, for a position is a matter of its owner."""
    seen = visible_collections(user)
    rows = seen.exclude(Exists(seen.filter(pk=OuterRef("parent"))))
    own = Case(When(user=user, then=F("position")), default=2**31 - 1, output_field=IntegerField())
    return rows.order_by(own, Lower("name"), "pk")


def collections_inside(user: User, collection: Collection) -> QuerySet[Collection]:
    rows = visible_collections(user).filter(parent=collection)
    return rows.order_by("position", Lower("name"), "pk")


def siblings(collection: Collection) -> QuerySet[Collection]:
    """It and its owner's others beside it, in their order. Below a deleted one is at the top."""
    rows = Collection.objects.filter(user=collection.user_id, deleted_at=None)
    inside = Q(parent=collection.parent_id, parent__deleted_at=None)
    top = Q(parent=None) | Q(parent__deleted_at__isnull=False)
    is_inside = rows.filter(pk=collection.pk, parent__isnull=False, parent__deleted_at=None)
    rows = rows.filter(inside if is_inside.exists() else top)
    return rows.order_by("position", Lower("name"), "pk")


def with_covers(collections: QuerySet[Collection], user: User) -> QuerySet[Collection]:
    """With `seen`, how many images this person finds inside, and `first`, the first one's id."""
    items = CollectionItem.objects.filter(
        collection=OuterRef("pk"), image__in=visible_images(user)
    ).order_by()
    seen = items.values("collection").annotate(count=Count("pk")).values("count")
    first = items.order_by("position", "pk").values("image")[:1]
    return collections.select_related("user").annotate(
        seen=Coalesce(Subquery(seen, output_field=IntegerField()), 0),
        first=Subquery(first, output_field=UUIDField()),
    )


def covers(collections: list[Collection], user: User) -> dict[uuid.UUID, Image]:
    """Collection -> the image that stands for it, of collections from `with_covers`."""
    wanted = {pk for one in collections for pk in (one.cover_id, one.first) if pk}  # type: ignore[attr-defined]
    rows = visible_images(user).select_related("generation").in_bulk(list(wanted)) if wanted else {}
    found = {
        one.pk: rows.get(one.cover_id) or rows.get(one.first)  # type: ignore[attr-defined]
        for one in collections
    }
    return {pk: image for pk, image in found.items() if image is not None}


def collection_images(user: User, collection: Collection) -> QuerySet[Image]:
    """The images of one made by hand that this person sees, in its order, with `place`."""
    rows = visible_images(user).filter(items__collection=collection)
    rows = rows.annotate(place=F("items__position"), place_id=F("items__pk"))
    return rows.select_related("generation", "user").order_by("place", "place_id")


def after_place(rows: QuerySet[Any], cursor: str) -> QuerySet[Any]:
    """Rows of `collection_images` that follow the cursor; what is none begins at the start."""
    position, _, pk = cursor.rpartition("_")
    try:
        where = int(position), int(pk)
    except ValueError:
        return rows
    if not all(abs(number) < 2**63 for number in where):
        return rows
    return rows.filter(place__gte=where[0]).exclude(place=where[0], place_id__lte=where[1])


def place_of(image: Image) -> str:
    return f"{image.place}_{image.place_id}"  # type: ignore[attr-defined]


def count_inside(user: User, collection: Collection) -> dict[str, int]:
    """`seen`: the images this person finds in it; `hidden`: those of theirs that are private, so
    that whoever else opens it finds none of them."""
    theirs = Q(user=user, visibility=Image.Visibility.PRIVATE)
    rows = visible_images(user).filter(items__collection=collection)
    return rows.aggregate(seen=Count("pk"), hidden=Count("pk", filter=theirs))


def collections_of(user: User, image: Image) -> QuerySet[Collection]:
    """The collections this person sees that hold the image by hand."""
    return visible_collections(user).filter(items__image=image).order_by(Lower("name"), "pk")


def ancestors(user: User, collection: Collection, most: int) -> list[Collection]:
    """From the top down, as far as this person sees them. One read: all are the same owner's."""
    if collection.parent_id is None:
        return []
    rows = visible_collections(user).filter(user=collection.user_id)
    by_pk = {row.pk: row for row in rows.only("pk", "name", "parent")}
    found: list[Collection] = []
    above = by_pk.get(collection.parent_id)
    while above is not None and len(found) < most:
        found.insert(0, above)
        above = by_pk.get(above.parent_id) if above.parent_id else None
    return found
