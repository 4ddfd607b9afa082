"""The order by hand: of the images in a collection, and of collections beside each other."""

from collections.abc import Sequence
from typing import TypeVar

from django.db import transaction
from django.db.models import Max, QuerySet

from generations import queries
from generations.models import Collection, CollectionItem, Image, User
from generations.services.collection import STEP, lock, lock_items, require_owner
from generations.services.errors import Invalid, NotPossible

MOVES = ("first", "earlier", "later", "last")

T = TypeVar("T")


@transaction.atomic
def place_image(user: User, *, collection: Collection, image: Image, before: Image | None) -> None:
    """Put one of its images before another one, or with None at the end. Raises NotPossible."""
    require_owner(user, collection)
    lock_items(collection)
    items = collection.items.order_by("position", "pk")
    mine = items.filter(image=image).first()
    if mine is None:
        raise NotPossible("This image is not in the collection any more.")
    others = items.exclude(pk=mine.pk)
    if before is None:
        last = others.aggregate(last=Max("position"))["last"]
        mine.position = STEP if last is None else last + STEP
    else:
        mine.position = _free_position(others, before)
    mine.save(update_fields=["position"])


def _free_position(others: QuerySet[CollectionItem], before: Image) -> int:
    """Right before that image."""
    following = others.filter(image=before).first()
    if following is None:
        raise NotPossible("This image is not in the collection any more.")
    earlier = others.filter(position__lte=following.position).exclude(
        position=following.position, pk__gte=following.pk
    )
    previous = earlier.last()
    if previous is None:
        return following.position - STEP
    middle = (previous.position + following.position) // 2
    is_free = previous.position < middle < following.position
    return middle if is_free else _renumbered(others, before)


def _renumbered(others: QuerySet[CollectionItem], before: Image) -> int:
    """Give all others new positions with room between; the place before that image."""
    place, rows = 0, list(others)
    for number, row in enumerate(rows, start=1):
        row.position = number * STEP
        if row.image_id == before.pk:
            place = row.position - STEP // 2
    CollectionItem.objects.bulk_update(rows, ["position"], batch_size=500)
    return place


def move_image(user: User, *, collection: Collection, image: Image, move: str) -> None:
    """One of MOVES, among the images that its owner sees. Raises Invalid, NotPossible."""
    rows = queries.collection_images(user, collection).select_related(None)
    before = _target(list(rows.only("pk")), image, move)
    place_image(user, collection=collection, image=image, before=before)


def place_image_after(
    user: User, *, collection: Collection, image: Image, after: Image | None
) -> None:
    """Right after another one of those that its owner sees; None: first. Raises NotPossible."""
    rows = list(queries.collection_images(user, collection).select_related(None).only("pk"))
    before = _following(rows, image, after)
    place_image(user, collection=collection, image=image, before=before)


@transaction.atomic
def place(user: User, *, collection: Collection, before: Collection | None) -> None:
    """Put one of one's own before a sibling, or with None after all of them.

    Raises NotPossible.
    """
    require_owner(user, collection)
    lock(user)
    rows = [row for row in queries.siblings(collection) if row.pk != collection.pk]
    if before is not None and before not in rows:
        raise NotPossible("These two do not stand beside each other any more.")
    rows.insert(rows.index(before) if before else len(rows), collection)
    for number, row in enumerate(rows, start=1):
        row.position = number
    Collection.objects.bulk_update(rows, ["position"])


def place_after(user: User, *, collection: Collection, after: Collection | None) -> None:
    """Right after a sibling; None: first. Raises NotPossible."""
    before = _following(list(queries.siblings(collection)), collection, after)
    place(user, collection=collection, before=before)


def move(user: User, *, collection: Collection, move: str) -> None:
    """One of MOVES, among one's own beside it. Raises Invalid, NotPossible."""
    before = _target(list(queries.siblings(collection)), collection, move)
    place(user, collection=collection, before=before)


def _following(rows: Sequence[T], one: T, after: T | None) -> T | None:
    """Which row comes next after that one, of all but the one that moves."""
    others = [row for row in rows if row != one]
    if after is not None and after not in others:
        raise NotPossible("These two do not stand beside each other any more.")
    wanted = 0 if after is None else others.index(after) + 1
    return others[wanted] if wanted < len(others) else None


def _target(rows: Sequence[T], one: T, move: str) -> T | None:
    """Before which row it comes; None: at the end."""
    if move not in MOVES:
        raise Invalid({"move": "It moves first, earlier, later or last."})
    if one not in rows:
        raise NotPossible("It is not there any more.")
    at, others = rows.index(one), [row for row in rows if row != one]
    wanted = {"first": 0, "earlier": max(at - 1, 0), "later": at + 1, "last": len(others)}[move]
    return others[wanted] if wanted < len(others) else None
