"""Lists, page by page: what an address may ask for, and the address of what follows."""

from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest

from generations import queries
from generations.api.errors import ApiError

PAGE, MOST = 20, 100
# Places in lists, as `next` names them.
PLACE = r"^[0-9]{1,17}-[0-9a-f]{32}$"


def require_known(request: HttpRequest, names: tuple[str, ...]) -> None:
    """Raises ApiError for a parameter that is none: left out, it would list too much."""
    if unknown := sorted(set(request.GET) - {*names, "limit", "after"}):
        name = unknown[0][:80]
        raise ApiError("unknown_parameter", f"Unknown parameter: “{name}”.", param=name)


def limit(request: HttpRequest) -> int:
    """Raises ApiError."""
    text = request.GET.get("limit", str(PAGE))
    # No longer than needed: what is cut off may not count, and Python reads no 5,000 digits.
    asked = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
    if not 1 <= asked <= MOST:
        raise wrong("limit", f"From 1 to {MOST} at a time.")
    return asked


def page(request: HttpRequest, rows: QuerySet[Any]) -> tuple[list[Any], bool]:
    """What follows the place that the address names, newest first, and whether there is more.
    Raises ApiError."""
    count = limit(request)
    if "after" in request.GET:
        if not queries.is_cursor(request.GET["after"]):
            raise wrong("after", "This is no place in the list: take it from “next”.")
        rows = queries.after(rows, request.GET["after"])
    found = list(rows.order_by("-created_at", "-id")[: count + 1])
    return found[:count], len(found) > count


def following(request: HttpRequest, place: str, base: str) -> str:
    """The address of what comes after that place."""
    asked = [(name, text) for name, texts in request.GET.lists() for text in texts]
    kept = [(name, text) for name, text in asked if name != "after"]
    return f"{base}{request.path}?{urlencode([*kept, ('after', place)])}"


def wrong(name: str, sentence: str) -> ApiError:
    return ApiError("invalid_value", sentence, param=name)
