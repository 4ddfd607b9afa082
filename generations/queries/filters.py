"""What the gallery's address asks for. Everything in it comes from outside."""

import unicodedata
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import QueryDict
from django.utils import timezone

from generations.models.image import ASPECT_RATIOS

VIEWS = {"team": "Team", "mine": "Mine", "favourites": "Favourites", "trash": "Trash"}
SHAPES = {"landscape": "Landscape", "portrait": "Portrait", "square": "Square"}
_RATIOS = [*SHAPES.items(), *((ratio, ratio) for ratio in ASPECT_RATIOS)]
_DAYS = (MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2200, 1, 1)))
_UNKNOWN = {"invalid_choice": "There is no %(value)s."}


class TagField(forms.CharField):
    """As services.mark writes tags."""

    def to_python(self, value: Any) -> str:
        text = unicodedata.normalize("NFC", super().to_python(value) or "")
        return " ".join(text.lower().split())


def _day(label: str = "") -> forms.DateField:
    return forms.DateField(label=label, validators=_DAYS)


def _price(label: str) -> forms.DecimalField:
    return forms.DecimalField(label=label, min_value=0, max_value=1_000_000, decimal_places=6)


def _choice(label: str, choices: Any) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=choices, error_messages=_UNKNOWN)


# In the order of the chips.
FIELDS: dict[str, forms.Field] = {
    "view": _choice("View", list(VIEWS.items())),
    "q": forms.CharField(label="Search", max_length=200),
    "person": forms.IntegerField(label="Person", min_value=1, max_value=2**31 - 1),
    "model": forms.CharField(label="Model", max_length=120),
    "style": forms.CharField(label="Style", max_length=80),
    "ratio": _choice("Ratio", _RATIOS),
    "since": _day("Since"),
    "until": _day("Until"),
    "collection": forms.UUIDField(label="Collection"),
    "tag": TagField(label="Tag", max_length=40),
    "rating": forms.IntegerField(label="Rating", min_value=1, max_value=5),
    "min_price": _price("Price at least"),
    "max_price": _price("Price at most"),
    "parent": _choice("Made from another", [("1", "Yes")]),
}


@dataclass(frozen=True)
class Filters:
    """The filters that are set, by their names in the address, and what is wrong with others.

    Whatever is wrong means that nothing is found: a search of which one part fell away would
    find more than was asked for, and somebody may be about to delete all of it.
    """

    given: dict[str, Any] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    # What says where to look, not what for.
    PLACES: ClassVar = ("view",)

    @property
    def is_narrowed(self) -> bool:
        return bool(self.problems) or any(name not in self.PLACES for name in self.given)

    def query(self, **changes: Any) -> str:
        """As a query string; None takes a filter away."""
        wanted = {**self.given, **changes}
        return urlencode({name: str(value) for name, value in wanted.items() if value is not None})


def read_filters(query: str | QueryDict) -> Filters:
    """The filters of a query string; what it holds besides does not count."""
    query = QueryDict(query) if isinstance(query, str) else query
    given: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, one in FIELDS.items():
        text = query.get(name, "").strip()
        if not text or (name, text) == ("view", "team"):
            continue
        try:
            given[name] = one.clean(text)
        except forms.ValidationError as error:
            problems[str(one.label)] = " ".join(error.messages)
    return Filters(given, problems)


def read_day(text: str) -> date | None:
    """A day of an address, 2026-11-01; None for what is none."""
    try:
        found: date | None = _day().clean(text)
    except forms.ValidationError:
        return None
    return found


def day_begins(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def day_ends(day: date) -> datetime:
    """The first moment after it."""
    return day_begins(day + timedelta(days=1))
