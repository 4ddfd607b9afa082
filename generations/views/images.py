"""One image: its page and its files. A file is only ever served after this page's own check."""

import uuid
from typing import Any

from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from generations import queries
from generations.forms import SaveRecipeForm
from generations.models import Image
from generations.services import generation as generations
from generations.services import trash
from generations.views import files, held, panel, words
from generations.views.access import Request, member, openable_image, own_held_image
from generations.views.generations import facts
from generations.views.tiles import tile


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
    if not request.GET.get("download"):
        return files.conditional(request, image, kind)
    name = f"{image.created_at:%Y-%m-%d}-{image.pk.hex[:8]}.{image.format}"
    return files.download(request, image, kind, name=name)
