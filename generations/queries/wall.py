"""The gallery: images that fit what its address asks for, newest first.

Built so that a page costs the same among a million images as among a thousand. One filter by
equality reads a stretch of an index of its own. Words, tags, and two filters together are read
from the full-text index, where each is a word and lists of rows are intersected. What is left
(rating, price, favourites …) is looked at row by row, or, where it is rare, read first.
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import DecimalField, Exists, ExpressionWrapper, F, OuterRef, QuerySet, Value
from django.db.models.functions import Lower
from django.http import QueryDict

from generations.models import CollectionItem, Favourite, Image, SavedSearch, User
from generations.queries.collections import visible_collections
from generations.queries.filters import SHAPES, Filters, day_begins, day_ends, read_filters
from generations.queries.images import newest, trash, visible_images
from generations.queries.paging import is_by_text
from generations.queries.search import found_by
from generations.queries.text import facet, place_at

MOST_COUNTED = 10_000
# So many rows are sorted as fast as one row in two hundred is met on the way through a million.
_FEW = 5000


def gallery(user: User) -> QuerySet[Image]:
    """The team's wall. What somebody cancelled while it ran was kept, but is not hung up."""
    return newest(visible_images(user).filter(is_hidden=False))


def gallery_images(user: User, query: str | QueryDict) -> QuerySet[Image]:
    """What the gallery shows under this query string, newest first; "" is the whole wall.

    Nothing, where something in it makes no sense.
    """
    return filtered_images(user, read_filters(query))


def filtered_images(user: User, filters: Filters) -> QuerySet[Image]:
    given = filters.given
    rows = trash(user) if given.get("view") == "trash" else visible_images(user)
    rows = rows.filter(is_hidden=False)
    if filters.problems:
        return newest(rows.none())
    kinds = _kinds(user, given)
    if "q" in given or "tag" in given or len(kinds) > 1:
        rows = _among_texts(rows, given, [facet(letter, value) for letter, _, value in kinds])
    else:
        rows = newest(rows.filter(**{column: value for _, column, value in kinds}))
    rows = _between(rows, given.get("since"), given.get("until"))
    for name, narrow in _NARROW.items():
        if name in given:
            rows = narrow(rows, user, given[name])
    return _favourites(rows, user) if given.get("view") == "favourites" else rows


def _kinds(user: User, given: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """Filters that are a word of the text, too: its letter, the column, the value."""
    found: list[tuple[str, str, Any]] = []
    if given.get("view") == "mine":
        found.append(("u", "user", user.pk))
    for name, (letter, column) in _COLUMNS.items():
        if name in given:
            found.append((letter, column, given[name]))
    if ratio := given.get("ratio"):
        found.append(("f", "shape", ratio) if ratio in SHAPES else ("a", "aspect_ratio", ratio))
    if "parent" in given:
        found.append(("h", "has_parent", True))
    return found


_COLUMNS = {
    "person": ("u", "user"),
    "model": ("m", "model"),
    "style": ("s", "style"),
    "rating": ("r", "rating__gte"),
}


def _among_texts(
    rows: QuerySet[Image], given: dict[str, Any], facets: list[str]
) -> QuerySet[Image]:
    if "tag" in given:
        facets = [*facets, facet("t", given["tag"])]
    rows = found_by(rows, given.get("q", ""), facets)
    return newest(rows).order_by("-text_place")  # type: ignore[misc]


def _between(rows: QuerySet[Image], since: date | None, until: date | None) -> QuerySet[Image]:
    """Whole days."""
    if since:
        rows = _bounded(rows, "gte", day_begins(since))
    return _bounded(rows, "lt", day_ends(until)) if until else rows


def _bounded(rows: QuerySet[Image], bound: str, moment: datetime) -> QuerySet[Image]:
    """The place of a text says its moment too, and is what the full-text index is read by."""
    if is_by_text(rows):
        return rows.filter(**{f"text_place__{bound}": place_at(moment)})
    return rows.filter(**{f"created_at__{bound}": moment})


def up_to_day(rows: QuerySet[Image], day: date) -> QuerySet[Image]:
    """Of rows of the gallery those of this day and before."""
    return _between(rows, None, day)


def newer_than_day(rows: QuerySet[Image], day: date, most: int) -> list[datetime]:
    """The moments of those after this day, the nearest first."""
    newer = _bounded(rows, "gte", day_ends(day)).reverse()
    return list(newer.values_list("created_at", flat=True)[:most])


# --- what is rare or not, we have to ask ------------------------------------------------------


def _favourites(rows: QuerySet[Image], user: User) -> QuerySet[Image]:
    return _linked(rows, Favourite.objects.filter(user=user))


def _in_collection(rows: QuerySet[Image], user: User, pk: Any) -> QuerySet[Image]:
    if not visible_collections(user).filter(pk=pk).exists():
        return rows.none()
    return _linked(rows, CollectionItem.objects.filter(collection=pk))


def _linked(rows: QuerySet[Image], links: QuerySet[Any]) -> QuerySet[Image]:
    """The rows whose image is in `links`."""
    if _is_few(links):
        return rows.filter(pk__in=links.values("image"))
    return rows.filter(Exists(links.filter(image=OuterRef("pk"))))


def _priced(rows: QuerySet[Image], condition: str, amount: Any) -> QuerySet[Image]:
    wanted = {f"price__{condition}": amount}
    if connection.vendor != "sqlite":  # PostgreSQL has counted which prices are rare
        return rows.filter(**wanted)
    links = Image.objects.filter(**wanted, deleted_at=None, is_hidden=False)
    if _is_few(links):
        return rows.filter(pk__in=links.values("pk"))
    # As a sum it can be read from no index: SQLite would sort all that it finds there.
    amount_of = ExpressionWrapper(
        F("price") + Value(0), DecimalField(max_digits=12, decimal_places=6)
    )
    return rows.annotate(cost=amount_of).filter(**{f"cost__{condition}": amount})


def _is_few(rows: QuerySet[Any]) -> bool:
    return rows.order_by()[: _FEW + 1].count() <= _FEW


_NARROW: dict[str, Callable[[QuerySet[Image], User, Any], QuerySet[Image]]] = {
    "collection": _in_collection,
    "min_price": lambda rows, user, value: _priced(rows, "gte", value),
    "max_price": lambda rows, user, value: _priced(rows, "lte", value),
}


def with_tiles(rows: QuerySet[Image]) -> QuerySet[Image]:
    """With what a tile shows and no more: a job's parameters would be read from JSON each time."""
    return rows.only(
        *("id", "user_id", "state", "visibility", "price", "width", "height", "created_at"),
        *("bytes", "deleted_at", "generation__prompt", "generation__model_name"),
        *("user__name", "user__email"),
    )


def saved_searches(user: User) -> QuerySet[SavedSearch]:
    return SavedSearch.objects.filter(user=user).order_by(Lower("name"), "pk")


def count_capped(rows: QuerySet[Any]) -> tuple[int, bool]:
    """How many, at most MOST_COUNTED, and whether there are more."""
    found = rows.order_by()[: MOST_COUNTED + 1].count()
    return min(found, MOST_COUNTED), found > MOST_COUNTED
