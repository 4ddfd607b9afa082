"""Search: the text that images are found by, and the searches that people keep."""

import uuid
from collections.abc import Iterable, Sequence

from django.db import transaction

from generations import queries
from generations.models import Image, ImageText, SavedSearch, User
from generations.queries import text
from generations.services.errors import Invalid

# Ids in one statement.
_BATCH = 500


@transaction.atomic(savepoint=False)
def reindex(images: Iterable[Image]) -> None:
    """Write down again what these images are found by.

    For every service, in the same transaction, after it changed notes, tags or ratings of images,
    or made some. What the rows in hand say does not count: they are read again, under a lock, so
    that of two at once the later one sees what the earlier one wrote.
    """
    every = sorted({image.pk for image in images})
    for start in range(0, len(every), _BATCH):
        ids = every[start : start + _BATCH]
        list(Image.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk"))
        rows = Image.objects.filter(pk__in=ids).select_related("generation", "text")
        _write(list(rows.prefetch_related("tags")))


def index_new(images: Sequence[Image]) -> None:
    """The same for images that were just written, with their generation and without tags."""
    places = _places(images)
    ImageText.objects.bulk_create(
        ImageText(id=places[image.pk], image=image, body=text.body_of(image, tags=()))
        for image in images
    )


def _write(images: Sequence[Image]) -> None:
    known = [image for image in images if hasattr(image, "text")]
    for image in known:
        image.text.body = text.body_of(image)
    ImageText.objects.bulk_update([image.text for image in known], ["body"], batch_size=100)
    new = [image for image in images if not hasattr(image, "text")]
    places = _places(new)
    ImageText.objects.bulk_create(
        ImageText(id=places[image.pk], image=image, body=text.body_of(image)) for image in new
    )


def _places(images: Sequence[Image]) -> dict[uuid.UUID, int]:
    taken: set[int] = set()
    while True:
        places = text.places(images, taken)
        rows = ImageText.objects.filter(pk__in=places.values())
        clash = set(rows.values_list("pk", flat=True))
        if not clash:
            return places
        taken |= clash


# --- saved searches ---------------------------------------------------------------------------

MOST_SAVED = 50


@transaction.atomic
def save(user: User, *, name: str, query: str) -> SavedSearch:
    """Keep a search of the gallery under a name; a name that is there stands for it from now on.

    Raises Invalid.
    """
    name = " ".join(name.split())
    if not name or "\0" in name:
        raise Invalid({"name": "Give the search a name first."})
    if len(name) > SavedSearch.NAME_LIMIT:
        raise Invalid({"name": f"A name has at most {SavedSearch.NAME_LIMIT} characters."})
    filters = queries.read_filters(query)
    if filters.problems or not filters.given:
        raise Invalid({"": "Search or filter first, then save it."})
    # One after the other: two at once could bring a person over the most they may have.
    User.objects.select_for_update().get(pk=user.pk)
    others = SavedSearch.objects.filter(user=user).exclude(name=name)
    if others.count() >= MOST_SAVED:
        raise Invalid({"": f"At most {MOST_SAVED} searches are kept. Delete one first."})
    return SavedSearch.objects.update_or_create(
        user=user, name=name, defaults={"query": filters.query()}
    )[0]


def remove(search: SavedSearch) -> None:
    search.delete()
