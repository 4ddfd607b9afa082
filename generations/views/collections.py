"""Collections: finding, opening, making, changing, who may; filling and arranging them is in
views.arrangement."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from generations import queries
from generations.forms import mark_errors
from generations.models import Collection
from generations.services import collection as services
from generations.services.errors import Invalid, NotPossible
from generations.views import collection_cards, share_picks, words
from generations.views.access import (
    Request,
    member,
    own_collection,
    removable_collection,
    uuid_or_404,
    visible_collection,
)
from generations.views.collection_form import CollectionForm
from generations.views.gallery import PAGE
from generations.views.tiles import EAGER, tile

MOST_PAGES = 1000
MOST_PEOPLE = 500


@require_http_methods(["GET", "HEAD", "POST"])
@member
def collections(request: Request) -> HttpResponse:
    return _create(request) if request.method == "POST" else _list(request)


# --- finding --------------------------------------------------------------------------------


def _list(request: Request, form: CollectionForm | None = None, status: int = 200) -> HttpResponse:
    user, number = request.user, _page_number(request)
    is_arranged = "arrange" in request.GET
    rows = queries.top_collections(user)
    rows = queries.with_covers(rows.filter(user=user) if is_arranged else rows, user)
    found = list(rows[(number - 1) * PAGE : number * PAGE + 1])
    context = {
        "cards": collection_cards.cards(found[:PAGE], user),
        "is_arranged": is_arranged,
        "may_arrange": sum(one.user_id == user.pk for one in found) > 1,
        "form": form or CollectionForm(user),
        "is_wrong": form is not None,
        "next_url": _next_page(number, is_arranged) if len(found) > PAGE else "",
    }
    return render(request, "collections/list.html", context, status=status)


def _page_number(request: Request) -> int:
    text = request.GET.get("page", "")
    return min(max(int(text), 1), MOST_PAGES) if text.isdecimal() and len(text) < 9 else 1


def _next_page(number: int, is_arranged: bool) -> str:
    return f"{reverse('collections')}?page={number + 1}{'&arrange=1' if is_arranged else ''}"


# --- opening --------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@member
def detail(request: Request, pk: uuid.UUID) -> HttpResponse:
    if request.method == "POST":
        return _change(request, own_collection(request.user, pk))
    collection = visible_collection(request.user, pk)
    if request.htmx and request.GET.get("after"):
        return render(request, "collections/_images.html", _images(request, collection))
    return _page(request, collection)


def _page(
    request: Request, collection: Collection, form: CollectionForm | None = None, status: int = 200
) -> HttpResponse:
    user, is_mine = request.user, collection.user_id == request.user.pk
    may_add = is_mine or queries.fillable_collections(user).filter(pk=collection.pk).exists()
    inside = list(
        queries.with_covers(queries.collections_inside(user, collection), user)[: PAGE + 1]
    )
    context = {
        **_images(request, collection),
        # "All results" of the bar: what the gallery finds under this is the same.
        "query": collection.search or f"collection={collection.pk}",
        "may_take_out": not collection.is_smart and may_add,
        "cards": collection_cards.cards(inside[:PAGE], user),
        "above": queries.ancestors(user, collection, services.MOST_DEEP),
        "who": collection_cards.readers(collection),
        "is_mine": is_mine,
        "may_delete": is_mine
        or (user.is_admin and collection.visibility == Collection.Visibility.TEAM),
        "may_arrange": is_mine and not collection.is_smart,
        "is_naming": "people" in request.GET,
        "is_shareable": not collection.is_smart
        and (is_mine or collection.visibility == Collection.Visibility.TEAM),
        "form": (form or CollectionForm(user, collection)) if is_mine else None,
        "is_wrong": form is not None,
        **(_people(collection) if is_mine else {}),
        **share_picks.of_collection(user, collection.pk),
    }
    return render(request, "collections/detail.html", context, status=status)


def _images(request: Request, collection: Collection) -> dict[str, Any]:
    """A page of its images as this person finds them, and where the next one is."""
    user, after = request.user, request.GET.get("after", "")
    is_arranged = "arrange" in request.GET and collection.user_id == user.pk
    if collection.is_smart:
        # Whoever looks searches for themselves: nothing is found that they may not see.
        rows = queries.gallery_images(user, collection.search).filter(deleted_at=None)
        found = list(queries.with_tiles(queries.after(rows, after))[: PAGE + 1])
        cursor = queries.cursor_of(found[PAGE - 1]) if len(found) > PAGE else ""
    else:
        rows = queries.collection_images(user, collection)
        found = list(queries.with_tiles(queries.after_place(rows, after))[: PAGE + 1])
        cursor = queries.place_of(found[PAGE - 1]) if len(found) > PAGE else ""
    shown, here = found[:PAGE], reverse("collection-detail", args=[collection.pk])
    favourites = queries.favourites_among(user, shown)
    arrange = "&arrange=1" if is_arranged else ""
    return {
        "collection": collection,
        "is_arranged": is_arranged,
        "tiles": [
            tile(image, is_eager=number < EAGER, is_favourite=image.pk in favourites)
            for number, image in enumerate(shown)
        ],
        "places": collection_cards.places(collection, shown) if is_arranged else [],
        "next_url": f"{here}?after={cursor}{arrange}" if cursor else "",
        "is_further": bool(after),
        **(_counts(request, collection) if not after else {}),
    }


def _counts(request: Request, collection: Collection) -> dict[str, Any]:
    if collection.is_smart:
        return {"count_label": "Smart"}
    counts = queries.count_inside(request.user, collection)
    is_shared = collection.visibility != Collection.Visibility.PRIVATE
    return {
        "count_label": words.images(counts["seen"]),
        "hidden_count": counts["hidden"] if is_shared else 0,
    }


def _people(collection: Collection) -> dict[str, Any]:
    """Who is named, and who could be."""
    found = list(queries.people_and_named(collection)[:MOST_PEOPLE])
    named = [person for person in found if person.is_named]  # type: ignore[attr-defined]
    taken = {collection.user_id, *(person.pk for person in named)}
    return {
        "members": named,
        "others": [person for person in found if person.pk not in taken],
        "is_private": collection.visibility == Collection.Visibility.PRIVATE,
    }


# --- making and changing --------------------------------------------------------------------


def _create(request: Request) -> HttpResponse:
    form = CollectionForm(request.user, data=request.POST)
    try:
        if form.is_valid():
            made = services.create(request.user, **_given(request, form))
            messages.success(request, f"“{made.name}” is there. Fill it from the gallery.")
            return _to(made)
    except Invalid as problem:
        _add_errors(form, problem)
    mark_errors(form)
    return _list(request, form, status=422)


def _change(request: Request, collection: Collection) -> HttpResponse:
    form = CollectionForm(request.user, collection, request.POST)
    try:
        if form.is_valid():
            services.change(request.user, collection=collection, **_given(request, form))
            messages.success(request, "Saved.")
            return _to(collection)
    except Invalid as problem:
        _add_errors(form, problem)
    except NotPossible:  # deleted in this moment
        raise Http404 from None
    mark_errors(form)
    return _page(request, own_collection(request.user, collection.pk), form, status=422)


def _given(request: Request, form: CollectionForm) -> dict[str, Any]:
    given = form.cleaned_data
    parent = given["parent"] and own_collection(request.user, uuid_or_404(given["parent"]))
    values = {name: given[name] for name in ("name", "description")}
    values["visibility"] = given["visibility"] or Collection.Visibility.PRIVATE
    values["parent"] = parent or None
    return values | ({"search": given["search"]} if given.get("search") else {})


def _add_errors(form: CollectionForm, problem: Invalid) -> None:
    for name, sentence in problem.fields.items():
        form.add_error(name if name in form.fields else None, sentence)


@require_POST
@member
def people(request: Request, pk: uuid.UUID) -> HttpResponse:
    """Name somebody, change what they may, or name them no more."""
    collection = own_collection(request.user, pk)
    chosen = request.POST.get("person", "")
    is_number = chosen.isdecimal() and len(chosen) < 18
    person = queries.people().filter(pk=int(chosen)).first() if is_number else None
    try:
        if person is None:
            raise Invalid({"person": "Choose somebody of the team."})
        may = request.POST.get("may", "")
        services.name_person(request.user, collection=collection, person=person, may=may)
    except Invalid as problem:
        messages.error(request, " ".join(problem.fields.values()))
    here = reverse("collection-detail", args=[pk])
    return HttpResponseRedirect(f"{here}?people=1#people", status=303)


@require_POST
@member
def delete(request: Request, pk: uuid.UUID) -> HttpResponse:
    collection = removable_collection(request.user, pk)
    services.delete(collection, by=request.user)
    undo = reverse("collection-restore", args=[pk])
    said = f"“{collection.name}” is deleted. Its images stay."
    messages.success(request, said, extra_tags=undo)
    return HttpResponseRedirect(reverse("collections"), status=303)


@require_POST
@member
def restore(request: Request, pk: uuid.UUID) -> HttpResponse:
    collection = removable_collection(request.user, pk)
    services.restore(collection, by=request.user)
    return _to(collection)


def _to(collection: Collection) -> HttpResponse:
    return HttpResponseRedirect(reverse("collection-detail", args=[collection.pk]), status=303)
