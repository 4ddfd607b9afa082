"""Filling and arranging collections: adding a selection, taking images out, order, cover."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from generations import queries
from generations.models import Collection, Image
from generations.services import arrangement
from generations.services import collection as services
from generations.services.errors import Invalid, NotPossible
from generations.views import selection, words
from generations.views.access import (
    Request,
    back_to,
    fillable_collection,
    member,
    own_collection,
    uuid_or_404,
    visible_collection,
    visible_image,
)

MOST_LISTED = 200


# --- filling ----------------------------------------------------------------------------------


@require_POST
@member
def add(request: Request) -> HttpResponse:
    """A selection into a collection, or a new one; when neither is said, the page that asks."""
    try:
        images = selection.chosen(request)
    except Invalid as problem:
        return selection.refused(request, problem)
    target, name = request.POST.get("collection"), request.POST.get("name")
    if not target and name is None:
        return _ask(request, images)
    try:
        collection = (
            fillable_collection(request.user, uuid_or_404(target))
            if target
            else services.create(request.user, name=name or "")
        )
        count = services.add(request.user, collection=collection, images=images)
    except Invalid as problem:
        return _ask(request, images, " ".join(problem.fields.values()))
    except NotPossible as problem:
        return _ask(request, images, str(problem))
    messages.success(request, _added(collection, count, len(images)))
    return _done(request, collection)


def _ask(request: Request, images: list[Image], problem: str = "") -> HttpResponse:
    context = {
        "count_label": words.images(len(images)),
        "ids": request.POST.getlist("images"),
        "all": request.POST.get("all"),
        "next": back_to(request, reverse("gallery")),
        "collections": queries.fillable_collections(request.user)[:MOST_LISTED],
        "name": request.POST.get("name", ""),
        "problem": problem,
    }
    return render(request, "collections/add.html", context, status=422 if problem else 200)


def _added(collection: Collection, count: int, asked: int) -> str:
    if not count:
        return f"“{collection.name}” has {'it' if asked == 1 else 'them all'} already."
    there = asked - count
    rest = f" {words.images(there)} stood in it already." if there else ""
    return f"{words.images(count)} added to “{collection.name}”.{rest}"


def _done(request: Request, collection: Collection) -> HttpResponse:
    if request.htmx:
        return render(request, "shared/_toasts_oob.html")
    here = reverse("collection-detail", args=[collection.pk])
    return HttpResponseRedirect(back_to(request, here), status=303)


@require_POST
@member
def remove(request: Request, pk: uuid.UUID) -> HttpResponse:
    collection = visible_collection(request.user, pk)
    try:
        images = _chosen_inside(request, collection)
        count, token = services.remove(request.user, collection=collection, images=images)
    except Invalid as problem:
        return selection.refused(request, problem)
    except NotPossible as problem:
        return selection.refused(request, Invalid({"": str(problem)}))
    undo = f"{reverse('collection-put-back', args=[pk])}?token={token}"
    said = f"{words.images(count)} taken out of “{collection.name}”."
    messages.success(request, said, extra_tags=undo)
    return _done(request, collection)


def _chosen_inside(request: Request, collection: Collection) -> list[Image]:
    """`all` here means all of the collection, whatever a gallery would find."""
    if "all" in request.POST:
        return list(queries.collection_images(request.user, collection))
    return selection.chosen(request)


@require_POST
@member
def put_back(request: Request, pk: uuid.UUID) -> HttpResponse:
    collection = visible_collection(request.user, pk)
    try:
        services.put_back(
            request.user, collection=collection, token=request.GET.get("token", "")[:32]
        )
    except NotPossible as problem:
        messages.error(request, str(problem))
    return HttpResponseRedirect(reverse("collection-detail", args=[pk]), status=303)


@require_POST
@member
def cover(request: Request, pk: uuid.UUID) -> HttpResponse:
    """The image that stands for it; the same one again: none, so that the first one does."""
    collection = own_collection(request.user, pk)
    image = visible_image(request.user, uuid_or_404(request.POST.get("item")))
    is_same = collection.cover_id == image.pk
    try:
        services.set_cover(request.user, collection=collection, image=None if is_same else image)
    except NotPossible as problem:
        return selection.refused(request, Invalid({"": str(problem)}))
    messages.success(request, "The first image is the cover now." if is_same else "Cover chosen.")
    return _arranged(request, reverse("collection-detail", args=[pk]), f"i-{image.pk.hex}")


# --- order by hand ----------------------------------------------------------------------------


@require_POST
@member
def order_images(request: Request, pk: uuid.UUID) -> HttpResponse:
    """One image: `move` names the step, or `after` the image that it comes after, "" for none."""
    collection = own_collection(request.user, pk)
    image = visible_image(request.user, uuid_or_404(request.POST.get("item")))
    try:
        if move := request.POST.get("move"):
            arrangement.move_image(request.user, collection=collection, image=image, move=move)
        else:
            after = _after(request)
            previous = visible_image(request.user, after) if after else None
            arrangement.place_image_after(
                request.user, collection=collection, image=image, after=previous
            )
    except Invalid as problem:
        return selection.refused(request, problem)
    except NotPossible as problem:
        return selection.refused(request, Invalid({"": str(problem)}))
    return _arranged(request, reverse("collection-detail", args=[pk]), f"i-{image.pk.hex}")


@require_POST
@member
def order(request: Request) -> HttpResponse:
    """One of one's collections among those beside it, in the same words."""
    collection = own_collection(request.user, uuid_or_404(request.POST.get("item")))
    try:
        if move := request.POST.get("move"):
            arrangement.move(request.user, collection=collection, move=move)
        else:
            after = _after(request)
            previous = own_collection(request.user, after) if after else None
            arrangement.place_after(request.user, collection=collection, after=previous)
    except Invalid as problem:
        return selection.refused(request, problem)
    except NotPossible as problem:
        return selection.refused(request, Invalid({"": str(problem)}))
    return _arranged(request, reverse("collections"), f"c-{collection.pk.hex}")


def _after(request: Request) -> uuid.UUID | None:
    if "after" not in request.POST:
        raise Http404
    return uuid_or_404(request.POST["after"]) if request.POST["after"] else None


def _arranged(request: Request, here: str, dom_id: str) -> HttpResponse:
    """The script moves it by itself; without it the page again, at what was moved."""
    if request.htmx:
        return render(request, "shared/_toasts_oob.html")
    return HttpResponseRedirect(f"{back_to(request, f'{here}?arrange=1')}#{dom_id}", status=303)
