"""The gallery: the team's images, newest first."""

from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from generations import queries
from generations.models import Image
from generations.views import cards, words
from generations.views.access import Request, member

PAGE = 60
EAGER = 6


@dataclass
class Tile:
    href: str
    src: str
    srcset: str
    width: int
    height: int
    ratio_class: str
    alt: str
    prompt: str
    edge: str
    is_eager: bool = False


@dataclass
class Day:
    label: str
    tiles: list[Tile] = field(default_factory=list)


@require_GET
@member
def gallery(request: Request) -> HttpResponse:
    q, cursor = request.GET.get("q", "").strip()[:200], request.GET.get("after", "")
    rows = queries.search_images(queries.gallery(request.user), q)
    found = list(queries.after(rows, cursor)[: PAGE + 1])
    context = {
        "days": days(found[:PAGE], last_label=request.GET.get("day", "")),
        "q": q,
        "next_url": _next_url(q, found),
        "is_empty": not found and not cursor,
        "is_filtered": bool(q),
    }
    template = "gallery/_page.html" if request.htmx and cursor else "gallery/gallery.html"
    return render(request, template, context)


def days(images: list[Image], *, last_label: str = "") -> list[Day]:
    """Tiles under a heading a day; a page that goes on within a day repeats no heading."""
    found: list[Day] = []
    for number, image in enumerate(images):
        label = words.day(image.created_at)
        if not found or found[-1].label != label:
            found.append(Day(label))
        found[-1].tiles.append(tile(image, is_eager=number < EAGER))
    if found and found[0].label == last_label:
        found[0].label = ""
    return found


def tile(image: Image, *, is_eager: bool = False) -> Tile:
    made, frame = image.generation, cards.frame(image, image.generation.prompt)
    return Tile(
        href=frame.href,
        src=frame.src,
        srcset=frame.srcset,
        width=frame.width,
        height=frame.height,
        ratio_class=frame.ratio_class,
        alt=frame.alt,
        prompt=words.clip(made.prompt, 120),
        edge=f"{image.user.display_name} · {made.model_name} · {words.money(image.price)}",
        is_eager=is_eager,
    )


def _next_url(q: str, found: list[Image]) -> str:
    if len(found) <= PAGE:
        return ""
    last = found[PAGE - 1]
    query = {"after": queries.cursor_of(last), "day": words.day(last.created_at)}
    return f"{reverse('gallery')}?{urlencode(query | ({'q': q} if q else {}))}"
