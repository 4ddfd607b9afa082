"""Collections: making, changing, nesting, filling and arranging them.

Who may: its owner everything. Who is named with `may_add`, in one that is not private, adds
images and takes out what they added. Order, cover, name and readers are the owner's. Whoever
adds a private image keeps it private: a collection shows nobody what they may not see otherwise.
"""

import uuid
from collections.abc import Iterable

from django.core.cache import cache
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from generations import queries
from generations.models import Collection, CollectionItem, CollectionMember, Image, User
from generations.services import audit
from generations.services.errors import Invalid, NotPossible
from generations.services.recipe import KEPT

MOST_DEEP = 5
MOST_IMAGES = 10_000
DESCRIPTION_LIMIT = 2000
# Between two neighbours, so that most moves change one row.
STEP = 1024
# What its owner says of it.
_SAID = ("name", "description", "visibility", "parent", "position", "changed_at")
# How long a removal of images can be undone, in seconds.
UNDO = 600
_UNKEPT = "There is a character in it that cannot be kept. Type it again."
_GONE = "This collection is not there any more."
_FULL = f"A collection holds at most {MOST_IMAGES:,} images."


@transaction.atomic
def create(
    user: User,
    *,
    name: str,
    description: str = "",
    visibility: str = Collection.Visibility.PRIVATE,
    parent: Collection | None = None,
    search: str = "",
) -> Collection:
    """A new one, after its siblings. `search`, the gallery's query string, makes it a smart one.

    Raises Invalid.
    """
    lock(user)
    made = Collection(user=user, parent=parent, search=_checked_search(search))
    _fill(made, name=name, description=description, visibility=visibility)
    _require_place(made)
    last = queries.own_collections(user).filter(parent=parent).aggregate(last=Max("position"))
    made.position = (last["last"] or 0) + 1
    if made.is_smart:
        # Its first image is not looked for each time that it stands in a list.
        made.cover = queries.gallery_images(user, made.search).filter(deleted_at=None).first()
    made.save(force_insert=True)
    return made


@transaction.atomic
def change(
    user: User,
    *,
    collection: Collection,
    name: str,
    description: str,
    visibility: str,
    parent: Collection | None,
) -> None:
    """What its owner says of it, and where it stands. Raises Invalid, NotPossible."""
    require_owner(user, collection)
    lock(user)
    lock_items(collection)
    _fill(collection, name=name, description=description, visibility=visibility)
    if parent != collection.parent:
        collection.parent = parent
        _require_place(collection)
        rows = queries.own_collections(user).filter(parent=parent)
        collection.position = (rows.aggregate(last=Max("position"))["last"] or 0) + 1
    collection.changed_at = timezone.now()
    # Not what somebody else may have changed since it was read: its cover, its end.
    collection.save(update_fields=_SAID)


def _fill(collection: Collection, *, name: str, description: str, visibility: str) -> None:
    collection.name = _checked_name(name)
    collection.description = _checked_description(description)
    if visibility not in Collection.Visibility.values:
        raise Invalid({"visibility": "Choose who may see it."})
    collection.visibility = visibility


def _checked_name(name: str) -> str:
    if "\0" in name:
        raise Invalid({"name": _UNKEPT})
    name = " ".join(name.split())
    if not name:
        raise Invalid({"name": "Give it a name."})
    if len(name) > Collection.NAME_LIMIT:
        over = len(name) - Collection.NAME_LIMIT
        raise Invalid({"name": f"{over:,} characters too long: at most {Collection.NAME_LIMIT}."})
    return name


def _checked_description(text: str) -> str:
    if "\0" in text:
        raise Invalid({"description": _UNKEPT})
    text = text.replace("\r\n", "\n").strip()
    if len(text) > DESCRIPTION_LIMIT:
        raise Invalid({"description": f"At most {DESCRIPTION_LIMIT:,} characters."})
    return text


def _checked_search(search: str) -> str:
    """The filters of a query string and nothing else that it holds; "" for none."""
    filters = queries.read_filters(search)
    if search and (filters.problems or not filters.given):
        raise Invalid({"search": "Nothing can be found by this search. Choose another one."})
    return filters.query()


def lock(user: User) -> None:
    """One change to a person's tree at a time: two at once could make a circle of it."""
    User.objects.select_for_update().get(pk=user.pk)


def require_owner(user: User, collection: Collection) -> None:
    if collection.user_id != user.pk:
        raise NotPossible("Only its owner changes a collection.")


def _require_place(collection: Collection) -> None:
    """Under one's own only, in no circle, and not too deep. Raises Invalid."""
    if collection.parent is None:
        return
    if collection.parent.user_id != collection.user_id or collection.parent.deleted_at:
        raise Invalid({"parent": "Choose one of your own collections."})
    rows = Collection.objects.filter(user=collection.user_id)
    above = dict(rows.values_list("pk", "parent"))
    above[collection.pk] = collection.parent_id
    if any(_depth(above, pk) > MOST_DEEP for pk in above):
        raise Invalid({"parent": f"Not into itself, and at most {MOST_DEEP} collections deep."})


def _depth(above: dict[uuid.UUID, uuid.UUID | None], pk: uuid.UUID) -> int:
    """How deep one stands; of a circle, deeper than anything may."""
    depth, one = 1, above.get(pk)
    while one is not None and depth <= MOST_DEEP:
        depth, one = depth + 1, above.get(one)
    return depth


@transaction.atomic
def delete(collection: Collection, *, by: User | None = None) -> None:
    """Out of all lists; its images stay. Really gone with the first deletion after KEPT."""
    now = timezone.now()
    Collection.objects.filter(deleted_at__lt=now - KEPT).delete()
    if Collection.objects.filter(pk=collection.pk, deleted_at=None).update(deleted_at=now):
        audit.note(audit.Action.COLLECTION_DELETED, by=by, subject=collection)


@transaction.atomic
def restore(collection: Collection, *, by: User | None = None) -> None:
    rows = Collection.objects.filter(pk=collection.pk, deleted_at__isnull=False)
    if rows.update(deleted_at=None):
        audit.note(audit.Action.COLLECTION_RESTORED, by=by, subject=collection)


def name_person(user: User, *, collection: Collection, person: User, may: str) -> None:
    """Let somebody "view" or "add", or with "none" neither. Raises Invalid, NotPossible."""
    require_owner(user, collection)
    if may not in ("none", "view", "add"):
        raise Invalid({"may": "Choose what they may do."})
    if person.pk == user.pk or not person.is_active:
        raise Invalid({"person": "Choose somebody else of the team."})
    if may == "none":
        collection.members.filter(user=person).delete()
    else:
        CollectionMember.objects.update_or_create(
            collection=collection, user=person, defaults={"may_add": may == "add"}
        )


# --- images inside ----------------------------------------------------------------------------


@transaction.atomic
def add(user: User, *, collection: Collection, images: Iterable[Image]) -> int:
    """At its end, in this order; returns how many were not in it yet. All or none.

    Raises Invalid when it would hold too many, NotPossible for one they may not fill.
    """
    lock_items(collection)
    _require_filler(user, collection)
    asked = list(dict.fromkeys(image.pk for image in images))
    seen = set(queries.visible_images(user).filter(pk__in=asked).values_list("pk", flat=True))
    inside = set(collection.items.values_list("image", flat=True))
    new = [pk for pk in asked if pk in seen and pk not in inside]
    if len(inside) + len(new) > MOST_IMAGES:
        raise Invalid({"images": _FULL})
    last = collection.items.aggregate(last=Max("position"))["last"] or 0
    CollectionItem.objects.bulk_create(
        (
            CollectionItem(
                collection=collection, image_id=pk, position=last + STEP * number, added_by=user
            )
            for number, pk in enumerate(new, start=1)
        ),
        batch_size=1000,
    )
    _touch(collection)
    return len(new)


@transaction.atomic
def remove(user: User, *, collection: Collection, images: Iterable[Image]) -> tuple[int, str]:
    """How many were taken out, and the token that puts them back within UNDO.

    Raises NotPossible for what somebody else put into a collection of somebody else.
    """
    lock_items(collection)
    rows = collection.items.filter(image__in=[image.pk for image in images])
    if collection.user_id != user.pk:
        is_filler = queries.fillable_collections(user).filter(pk=collection.pk).exists()
        if not is_filler or rows.exclude(added_by=user).exists():
            raise NotPossible("You may take out only what you added. Nothing was changed.")
    taken = list(rows.values("image_id", "position", "added_by_id", "added_at"))
    rows.delete()
    # What was taken out does not stand for the rest.
    ids = [row["image_id"] for row in taken]
    Collection.objects.filter(pk=collection.pk, cover__in=ids).update(cover=None)
    _touch(collection)
    token = uuid.uuid4().hex
    cache.set(_undo(user, collection, token), taken, UNDO)
    return len(taken), token


@transaction.atomic
def put_back(user: User, *, collection: Collection, token: str) -> int:
    """Undo a removal, each image in its place. Raises NotPossible when it is too late, when they
    may not fill it any more, and when it is too full by now."""
    taken = cache.get(_undo(user, collection, token)) if token.isalnum() else None
    if taken is None:
        raise NotPossible("That was too long ago to undo.")
    lock_items(collection)
    _require_filler(user, collection)
    there = Image.objects.filter(pk__in=[row["image_id"] for row in taken])
    ids = set(there.values_list("pk", flat=True))
    others = collection.items.exclude(image__in=ids).count()
    if others + len(ids) > MOST_IMAGES:
        raise NotPossible(_FULL)
    rows = [CollectionItem(collection=collection, **row) for row in taken if row["image_id"] in ids]
    CollectionItem.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000)
    return len(rows)


def _require_filler(user: User, collection: Collection) -> None:
    if not queries.fillable_collections(user).filter(pk=collection.pk).exists():
        raise NotPossible("You may not add images to this collection.")


def _undo(user: User, collection: Collection, token: str) -> str:
    return f"collection-undo-{user.pk}-{collection.pk.hex}-{token}"


def lock_items(collection: Collection) -> None:
    rows = Collection.objects.select_for_update().filter(pk=collection.pk, deleted_at=None)
    if rows.first() is None:
        raise NotPossible(_GONE)


def _touch(collection: Collection) -> None:
    Collection.objects.filter(pk=collection.pk).update(changed_at=timezone.now())


def set_cover(user: User, *, collection: Collection, image: Image | None) -> None:
    """One of its images stands for it, for all who may see that image; None: the first one.

    Raises NotPossible.
    """
    require_owner(user, collection)
    if (
        image is not None
        and not queries.collection_images(user, collection).filter(pk=image.pk).exists()
    ):
        raise NotPossible("This image is not in the collection any more.")
    collection.cover = image
    collection.save(update_fields=["cover"])
