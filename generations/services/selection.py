"""Selections: the images that a form names, one by one or as "all results" of a search."""

import uuid
from collections.abc import Iterable

from django.db.models import QuerySet

from generations import queries
from generations.models import Image, User
from generations.services.errors import Invalid

MOST = 10_000


def chosen(user: User, *, ids: Iterable[str], query: str | None = None) -> list[Image]:
    """The images of a form: those it names, in its order, or all results of a gallery's query.

    `ids` are texts from outside, the field `images`; `query` is the field `all`, the gallery's
    query string, "" for the whole gallery, None where the form has none. All or nothing: raises
    Invalid when there is nothing, too much, or something that this person may not see.
    """
    if query is None:
        return _named(queries.visible_images(user), ids)
    # Whatever the query says, the trash is no place to share or collect from.
    return _all(queries.gallery_images(user, query).filter(deleted_at=None))


def chosen_in_trash(user: User, *, ids: Iterable[str], query: str | None = None) -> list[Image]:
    """The same of the trash, and of nothing else. Raises Invalid as `chosen` does."""
    if query is None:
        return _named(queries.trash(user), ids)
    return _all(queries.gallery_images(user, query).filter(deleted_at__isnull=False))


def _named(rows: QuerySet[Image], ids: Iterable[str]) -> list[Image]:
    asked = list(dict.fromkeys(ids))
    if not asked:
        raise Invalid({"images": "Select an image first."})
    if len(asked) > MOST:
        raise Invalid({"images": f"At most {MOST:,} images at once. Nothing was changed."})
    wanted = dict.fromkeys(pk for text in asked if (pk := _uuid(text)))
    found = {row.pk: row for row in _whole(rows.filter(pk__in=wanted))}
    if len(found) < len(asked):
        raise Invalid({"images": _gone(len(asked) - len(found), len(asked))})
    return [found[pk] for pk in wanted]


def _all(rows: QuerySet[Image]) -> list[Image]:
    found = list(_whole(rows)[: MOST + 1])
    if not found:
        raise Invalid({"images": "Nothing is found there any more."})
    if len(found) > MOST:
        raise Invalid({"images": f"These are more than {MOST:,} images. Narrow the search."})
    return found


def _whole(rows: QuerySet[Image]) -> QuerySet[Image]:
    """With job and maker; a model's catalogue entry is large, and nobody asks for it."""
    rows = rows.select_related("generation", "user")
    return rows.defer("generation__catalogue_entry")


def _uuid(text: str) -> uuid.UUID | None:
    """None for what is no id: it counts as one that is not there."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _gone(missing: int, asked: int) -> str:
    if asked == 1:
        return "This image is not there any more."
    are = "is" if missing == 1 else "are"
    return f"{missing:,} of these {asked:,} images {are} not there any more. Nothing was changed."
