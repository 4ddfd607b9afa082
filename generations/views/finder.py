"""The finder above the gallery: its views, filters, chips and saved searches as plain values."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from generations import queries
from generations.models import Image, User
from generations.queries import Filters
from generations.views import words
from generations.views.access import Request

SIZES = {"s": "Small", "m": "Medium", "l": "Large"}
Option = tuple[str, str, bool]


@dataclass(frozen=True)
class Chip:
    key: str
    value: str
    url: str


def address(filters: Filters, **changes: Any) -> str:
    """The gallery with these filters; None takes one away."""
    query = filters.query(**changes)
    return f"{reverse('gallery')}{'?' if query else ''}{query}"


def bar(request: Request, filters: Filters, day: date | None) -> dict[str, Any]:
    """What stands above the images; the fields of the filters come when they are asked for."""
    given, query = filters.given, filters.query()
    view = given.get("view", "team")
    return {
        "q": given.get("q", ""),
        "view": view,
        "views": [
            (label, address(filters, view=None if name == "team" else name), name == view)
            for name, label in queries.VIEWS.items()
        ],
        "chips": chips(request.user, filters, day),
        "problems": [f"{label}: {text}" for label, text in filters.problems.items()],
        "hidden": [(name, value) for name, value in given.items() if name != "q"],
        "filters_url": f"{reverse('gallery-filters')}?{query}",
        "count_url": f"{reverse('gallery-count')}?{query}",
        "clear_url": address(Filters(), view=given.get("view")),
        "saved": [
            (one.name, f"{reverse('gallery')}?{one.query}", one.query == query, one.pk)
            for one in queries.saved_searches(request.user)
        ],
        "can_save": filters.is_narrowed and not filters.problems,
        "query": query,
        "size": size_of(request),
        "sizes": [
            (name.upper(), label, f"{address(filters, size=name)}", name == size_of(request))
            for name, label in SIZES.items()
        ],
        "is_filtered": filters.is_narrowed or day is not None,
    }


def newer_url(filters: Filters, rows: QuerySet[Image], day: date, page: int) -> str:
    """Back towards now, by about a page; where less is left, to the newest."""
    newer = queries.newer_than_day(rows, day, page)
    at = timezone.localdate(newer[-1]) if len(newer) == page else None
    return address(filters, at=at) if newer else ""


def size_of(request: Request) -> str:
    for chosen in (request.GET.get("size", ""), request.COOKIES.get("tiles", "")):
        if chosen in SIZES:
            return chosen
    return "m"


# --- chips --------------------------------------------------------------------------------------

_CHIPS = {
    "q": "Search",
    "person": "Person",
    "model": "Model",
    "style": "Style",
    "ratio": "Ratio",
    "since": "Since",
    "until": "Until",
    "collection": "Collection",
    "tag": "Tag",
    "rating": "Rating",
    "min_price": "From",
    "max_price": "Up to",
    "parent": "Made from",
}


def chips(user: User, filters: Filters, day: date | None) -> list[Chip]:
    """The filters that are set, each with the address without it."""
    found = [
        Chip(label, _value(user, name, filters.given[name]), address(filters, **{name: None}))
        for name, label in _CHIPS.items()
        if name in filters.given
    ]
    return [*found, Chip("Back from", _day(day), address(filters))] if day else found


def _value(user: User, name: str, value: Any) -> str:
    if name == "person":
        return next((str(p.display_name) for p in User.objects.filter(pk=value)), "somebody")
    if name == "model":
        return queries.model_name(value)
    if name == "collection":
        names = queries.visible_collections(user).filter(pk=value).values_list("name", flat=True)
        return names.first() or "not there"
    if name == "rating":
        return "5" if value == 5 else f"{value} and more"
    if name == "parent":
        return "another image"
    if isinstance(value, date):
        return _day(value)
    return (
        words.money(value) if isinstance(value, Decimal) else queries.SHAPES.get(value, str(value))
    )


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


# --- fields -------------------------------------------------------------------------------------


def fields(user: User, filters: Filters) -> dict[str, Any]:
    """The filters' fields with what can be chosen."""
    given = filters.given
    people = [(str(p.pk), p.display_name) for p in queries.people()]
    collections = queries.visible_collections(user).filter(search="").order_by("name")
    return {
        "filter": given,
        "people": _options(people, given.get("person")),
        "models": _options(queries.model_names(), given.get("model")),
        "styles": _options([(name, name) for name in queries.style_names()], given.get("style")),
        "shapes": _options(list(queries.SHAPES.items()), given.get("ratio")),
        "ratios": _options([(r, r) for r in queries.ASPECT_RATIOS], given.get("ratio")),
        "collections": _options(
            [(str(pk), name) for pk, name in collections.values_list("pk", "name")[:200]],
            given.get("collection"),
        ),
        "ratings": _options(
            [(str(n), "5" if n == 5 else f"{n} and more") for n in range(5, 0, -1)],
            given.get("rating"),
        ),
        "min_price": _plain(given.get("min_price")),
        "max_price": _plain(given.get("max_price")),
    }


def _options(choices: list[tuple[str, str]], chosen: Any) -> list[Option]:
    return [(value, label, value == str(chosen)) for value, label in choices]


def _plain(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:f}"
