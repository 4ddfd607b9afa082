"""The gallery: the team's images, newest first."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from generations import queries
from generations.models import Image
from generations.queries import Filters
from generations.services import trash
from generations.views import finder, words
from generations.views.access import Request, member
from generations.views.tiles import days

PAGE = 60
YEAR = 365 * 24 * 3600


@require_GET
@member
def gallery(request: Request) -> HttpResponse:
    filters = queries.read_filters(request.GET)
    cursor, day = request.GET.get("after", ""), queries.read_day(request.GET.get("at", ""))
    rows = queries.filtered_images(request.user, filters)
    from_day = queries.up_to_day(rows, day) if day else rows
    found = list(queries.with_tiles(queries.after(from_day, cursor))[: PAGE + 1])
    context = _page(request, filters, found)
    if request.htmx and cursor:
        return render(request, "gallery/_page.html", context)
    context |= finder.bar(request, filters, day)
    context["newer_url"] = finder.newer_url(filters, rows, day, PAGE) if day else ""
    context["is_empty"] = not found and not cursor
    if context["is_empty"] and filters.given.get("view") == "trash":
        context["trash_label"] = words.days(trash.kept())
    # What ends with its first page is counted already.
    context["count"] = str(len(found)) if len(found) <= PAGE and not cursor and not day else ""
    response = render(request, "gallery/gallery.html", context)
    if "size" in request.GET:
        response.set_cookie("tiles", context["size"], max_age=YEAR, samesite="Lax")
    return response


def _page(request: Request, filters: Filters, found: list[Image]) -> dict[str, Any]:
    shown = found[:PAGE]
    favourites = queries.favourites_among(request.user, shown)
    next_url = ""
    if len(found) > PAGE:
        last = shown[-1]
        cursor, label = queries.cursor_of(last), words.day(last.created_at)
        next_url = finder.address(filters, after=cursor, day=label)
    last_label = request.GET.get("day", "")
    is_first = bool(last_label) or "after" not in request.GET
    found_days = days(
        shown, favourites, last_label=last_label, is_first=is_first, is_last=not next_url
    )
    return {"days": found_days, "next_url": next_url}


@require_GET
@member
def count(request: Request) -> HttpResponse:
    """How many images there are, as far as anybody counts: 312 images, 10,000+ images."""
    rows = queries.gallery_images(request.user, request.GET)
    found, is_more = queries.count_capped(rows)
    label = f"{found:,}{'+' if is_more else ''}"
    return render(request, "gallery/_count.html", {"count": label})


@require_GET
@member
def filters(request: Request) -> HttpResponse:
    """The filters' fields: a part of the gallery for htmx, otherwise a page of their own."""
    given = queries.read_filters(request.GET)
    context = finder.fields(request.user, given) | {"q": given.given.get("q", "")}
    context["view"] = given.given.get("view", "")
    template = "gallery/_filters.html" if request.htmx else "gallery/filters.html"
    return render(request, template, context)
