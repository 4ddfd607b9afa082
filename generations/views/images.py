"""One image: its page and its files. A file is only ever served after this page's own check."""

import re
import uuid
from typing import Any

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from generations import queries
from generations.forms import SaveRecipeForm
from generations.models import Image
from generations.services import generation as generations
from generations.services import image as services
from generations.services import trash
from generations.views import held, panel, words
from generations.views.access import Request, member, openable_image, own_held_image
from generations.views.generations import facts
from generations.views.tiles import tile

TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}


@require_safe
@member
def detail(request: Request, pk: uuid.UUID) -> HttpResponse:
    try:
        image = openable_image(request.user, pk)
    except Http404:
        return held_page(request, own_held_image(request.user, pk))
    return page(request, image)


def page(
    request: Request, image: Image, problems: dict[str, str] | None = None, status: int = 200
) -> HttpResponse:
    """The page of an image; with `problems`, what was wrong with a mark (field -> sentence)."""
    return render(request, "images/detail.html", _context(request, image, problems), status=status)


def held_page(
    request: Request, image: Image, problems: dict[str, str] | None = None, status: int = 200
) -> HttpResponse:
    """What the maker of a held image is told, and may say; never the picture."""
    made = image.generation
    context = {
        **held.told(request.user, image),
        "image": image,
        "cost_label": words.money(image.price),
        "prompt": made.prompt,
        "generation_url": reverse("generation-detail", args=[made.pk]),
        "problems": problems or {},
        "given": request.POST,
    }
    return render(request, "images/held.html", context, status=status)


def _context(request: Request, image: Image, problems: dict[str, str] | None) -> dict[str, Any]:
    made, href = image.generation, reverse("image-detail", args=[image.pk])
    is_mine = made.user_id == request.user.pk
    may_open_job = is_mine or request.user.is_admin
    newer, older = _neighbours(request, image)
    studio = reverse("studio")
    return {
        "image": image,
        "picture": tile(image),
        "full_src": f"{href}original",
        "src_large": f"{href}w1024",
        "prompt": made.prompt,
        "negative_prompt": made.negative_prompt,
        "facts": _facts(image),
        "cost_label": words.money(image.price),
        "cost_note": _cost_note(image),
        "siblings": _siblings(request, image),
        "previous_url": newer,
        "next_url": older,
        "download_url": f"{href}original?download=1",
        "remix_url": f"{studio}?image={image.pk}&use=remix",
        "use_all_url": f"{studio}?image={image.pk}&use=all",
        "use_seed_url": f"{studio}?image={image.pk}&use=seed",
        "again": {
            "url": reverse("generation-retry", args=[made.pk]),
            "token": generations.new_token(),
            "price_label": words.money(made.price),
        }
        if is_mine
        else None,
        "generation_url": reverse("generation-detail", args=[made.pk]) if may_open_job else "",
        "recipe_form": SaveRecipeForm(request.user, made) if may_open_job else None,
        "lineage": panel.lineage(request.user, image),
        **_marks(request, image, problems),
        "is_held": image.is_held,
        **(held.told(request.user, image) if image.is_held else {}),
        "trash_label": words.days(trash.kept()) if image.deleted_at else "",
    }


def _marks(request: Request, image: Image, problems: dict[str, str] | None) -> dict[str, Any]:
    """None of what a reviewer opens while it is held or rejected: nobody marks that."""
    if image.is_held or image.deleted_at:
        return {"may_mark": False}
    marks = panel.marks(request.user, image, problems, request.POST)
    may_delete = image.user_id == request.user.pk or request.user.is_admin
    favourite = panel.favourite(request.user, image)
    return {"may_mark": True, "may_delete": may_delete, **marks, **favourite}


def _facts(image: Image) -> list[tuple[str, str]]:
    rows = [
        row for row in facts(image.generation) if row[0] not in ("Size", "Seed", "Images", "When")
    ]
    rows.insert(1, ("Size", f"{image.width} × {image.height}"))
    if image.seed is not None:
        rows.append(("Seed", str(image.seed)))
    rows.append(("Made by", image.user.display_name))
    rows.append(("When", words.when(image.created_at)))
    return rows


def _cost_note(image: Image) -> str:
    made = image.generation
    if made.variants == 1 or made.charged is None:
        return ""
    return f"Set of {made.variants} for {words.money(made.charged)}."


def _siblings(request: Request, image: Image) -> list[dict[str, Any]]:
    rows = queries.openable_images(request.user).filter(generation=image.generation)
    rows = rows.filter(Q(deleted_at=None) | Q(pk=image.pk))
    found = [
        {
            "href": reverse("image-detail", args=[row.pk]),
            "src": f"{reverse('image-detail', args=[row.pk])}w512",
            "alt": f"Image {row.number + 1} of the set",
            "is_current": row.pk == image.pk,
            "width": row.width,
            "height": row.height,
        }
        for row in rows.order_by("number")
    ]
    return found if len(found) > 1 else []


def _neighbours(request: Request, image: Image) -> tuple[str, str]:
    """Addresses of the next newer and the next older image in the gallery."""
    rows = queries.gallery(request.user)
    older = queries.after(rows.order_by("-created_at", "-id"), queries.cursor_of(image))
    newer = queries.before(rows.order_by("created_at", "id"), queries.cursor_of(image))
    first = [found.values_list("pk", flat=True).first() for found in (newer, older)]
    urls = [reverse("image-detail", args=[pk]) if pk else "" for pk in first]
    return urls[0], urls[1]


# --- files ------------------------------------------------------------------------------------


@require_safe
@member
def file(request: Request, pk: uuid.UUID, kind: str) -> HttpResponse:
    image = openable_image(request.user, pk)
    response = conditional_file(request, image, kind)
    if request.GET.get("download"):
        name = f"{image.created_at:%Y-%m-%d}-{image.pk.hex[:8]}.{image.format}"
        response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    return response


def conditional_file(request: HttpRequest, image: Image, kind: str) -> HttpResponse:
    """The file with ETag and Range. What holds an image must hold its bytes at the next request,
    so a browser may keep them but asks each time."""
    etag = f'"{image.sha256[:32]}-{kind}"'
    headers = {
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Accept-Ranges": "bytes",
        "ETag": etag,
    }
    if unchanged := get_conditional_response(request, etag=etag):
        for name, value in headers.items():
            unchanged[name] = value
        return unchanged
    try:
        data = services.read_file(image, kind)
    except FileNotFoundError:
        raise Http404 from None
    kind_of = TYPES[image.format] if kind == "original" else "image/webp"
    return _ranged(request, data, etag, headers | {"Content-Type": kind_of})


_RANGE = re.compile(r"bytes=([0-9]{0,12})-([0-9]{0,12})")


def _ranged(request: HttpRequest, data: bytes, etag: str, headers: dict[str, str]) -> HttpResponse:
    """One range, as RFC 9110 has it; several, or words we do not know, give the whole file."""
    asked = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    is_same = request.headers.get("If-Range", etag) == etag
    if not asked or not is_same or asked.group(0) == "bytes=-":
        return HttpResponse(data, headers=headers)
    first, last = _bounds(asked[1], asked[2], len(data))
    if asked[1] and asked[2] and int(asked[1]) > int(asked[2]):
        return HttpResponse(data, headers=headers)  # no range at all, says RFC 9110
    if first > last or first >= len(data):
        return HttpResponse(
            status=416, headers={**headers, "Content-Range": f"bytes */{len(data)}"}
        )
    part = {**headers, "Content-Range": f"bytes {first}-{last}/{len(data)}"}
    return HttpResponse(data[first : last + 1], status=206, headers=part)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:  # the last n bytes
        return max(0, size - int(last)), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1
