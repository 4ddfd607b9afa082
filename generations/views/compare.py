"""Two to four images side by side: what differs between them, and what does not."""

from dataclasses import dataclass, field
from itertools import chain
from urllib.parse import urlencode

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from generations.models import Image
from generations.services import selection
from generations.services.errors import Invalid
from generations.views import cards, words
from generations.views.access import Request, member
from generations.views.generations import facts
from generations.views.selection import chosen, refused

LEAST, MOST = 2, 4
_LONG = ("Prompt", "Negative prompt")


@dataclass
class Column:
    frame: cards.Frame
    differs: list[tuple[str, str]] = field(default_factory=list)


@require_http_methods(["GET", "HEAD", "POST"])
@member
def compare(request: Request) -> HttpResponse:
    return _to_address(request) if request.method == "POST" else _page(request)


def _to_address(request: Request) -> HttpResponse:
    """A selection as an address that can be kept and sent to a colleague."""
    try:
        images = chosen(request)
        if not LEAST <= len(images) <= MOST:
            raise Invalid({"images": f"Select {LEAST} to {MOST} images to compare them."})
    except Invalid as problem:
        return refused(request, problem)
    query = urlencode({"images": [image.pk for image in images]}, doseq=True)
    return HttpResponseRedirect(f"{reverse('images-compare')}?{query}", status=303)


def _page(request: Request) -> HttpResponse:
    try:
        images = selection.chosen(request.user, ids=request.GET.getlist("images")[: MOST + 1])
    except Invalid:
        raise Http404 from None
    if not LEAST <= len(images) <= MOST:
        raise Http404
    columns, same = _compared(images)
    return render(request, "gallery/compare.html", {"columns": columns, "same": same})


def _compared(images: list[Image]) -> tuple[list[Column], list[tuple[str, str]]]:
    """A column for each image with what differs, and what is the same in all."""
    columns = [Column(cards.frame(image, image.generation.prompt)) for image in images]
    asked = [_facts(image) for image in images]
    same = []
    for label in dict.fromkeys(chain.from_iterable(asked)):
        values = [of_one.get(label, "none") for of_one in asked]
        if len(set(values)) == 1:
            same.append((label, values[0]))
            continue
        for column, value in zip(columns, values, strict=True):
            column.differs.append((label, value))
    return columns, same


def _facts(image: Image) -> dict[str, str]:
    made = image.generation
    asked = {label: value for label, value in facts(made) if label not in ("Images", "When")}
    texts = dict(zip(_LONG, (made.prompt, made.negative_prompt or "none"), strict=True))
    size = {"Size": f"{image.width} × {image.height}"}
    seed = {} if image.seed is None else {"Seed": str(image.seed)}
    made_by = {"Made by": image.user.display_name, "Price": words.money(image.price)}
    return texts | asked | size | seed | made_by
