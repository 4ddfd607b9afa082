"""Marking images: one from its page, many from a selection."""

import uuid
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from generations import queries
from generations.models import Image, User
from generations.services import mark as services
from generations.services.errors import Invalid
from generations.views import images, panel, selection, words
from generations.views.access import Request, back_to, member, visible_image

MOST_SUGGESTED = 12


@require_POST
@member
def mark(request: Request, pk: uuid.UUID) -> HttpResponse:
    """Whatever the form says of one image; what it does not name stays."""
    image, problems = visible_image(request.user, pk), {}
    try:
        _apply(request.user, [image], request.POST, note=request.POST.get("note"))
    except Invalid as problem:
        problems = problem.fields
    if not request.htmx and not problems:
        return _back(request, reverse("image-detail", args=[pk]))
    image, status = visible_image(request.user, pk), 422 if problems else 200
    if not request.htmx:
        return images.page(request, image, problems, status=status)
    if "favourite" in request.POST:
        return render(request, "images/_favourite.html", panel.favourite(request.user, image))
    context = panel.marks(request.user, image, problems, request.POST)
    return render(request, "images/_marks.html", context, status=status)


@require_POST
@member
def mark_many(request: Request) -> HttpResponse:
    """A selection: with something to say of it, done at once; else the page that asks what."""
    try:
        chosen = selection.chosen(request)
    except Invalid as problem:
        return selection.refused(request, problem)
    try:
        done = _apply(request.user, chosen, request.POST)
    except Invalid as problem:
        return (
            selection.refused(request, problem)
            if request.htmx
            else (_ask(request, chosen, problem.fields))
        )
    if not done:
        return _ask(request, chosen, {})
    messages.success(request, " ".join(done))
    if request.htmx:
        return render(request, "shared/_toasts_oob.html")
    return _back(request, reverse("gallery"))


def _ask(request: Request, chosen: list[Image], problems: dict[str, str]) -> HttpResponse:
    context = {
        "count_label": words.images(len(chosen)),
        "ids": request.POST.getlist("images"),
        "all": request.POST.get("all"),
        "has_own": any(image.user_id == request.user.pk for image in chosen),
        "next": back_to(request, reverse("gallery")),
        "given": request.POST,
        "problems": problems,
    }
    return render(request, "images/marks.html", context, status=422 if problems else 200)


def _back(request: Request, otherwise: str) -> HttpResponse:
    return HttpResponseRedirect(back_to(request, otherwise), status=303)


@transaction.atomic
def _apply(
    user: User, chosen: list[Image], given: QueryDict, *, note: str | None = None
) -> list[str]:
    """Do what the form says, all of it or, raising Invalid, nothing; returns it as sentences."""
    said = {name: given[name] for name in _VERBS if given.get(name)}
    values = {name: _READERS[name](text) for name, text in said.items()}
    if note is not None:
        services.note(user, image=chosen[0], text=note)
    return [_VERBS[name](user, chosen, value) for name, value in values.items()]


def _rating(text: str) -> int | None:
    if text == "none":
        return None
    if not text.isdecimal() or len(text) > 1:
        raise Invalid({"rating": "A rating is 1 to 5, or none."})
    return int(text)


def _visibility(text: str) -> str:
    if text not in Image.Visibility.values:
        raise Invalid({"visibility": "Choose Team or Only me."})
    return text


def _favoured(user: User, chosen: list[Image], is_on: bool) -> str:
    count = words.images(services.favourite(user, images=chosen, is_on=is_on))
    return f"{count} {'added to' if is_on else 'taken from'} your favourites."


def _rated(user: User, chosen: list[Image], rating: int | None) -> str:
    count = words.images(services.rate(user, images=chosen, rating=rating))
    return f"{count} rated {rating}." if rating else f"The rating of {count} is gone."


def _tagged(user: User, chosen: list[Image], names: list[str]) -> str:
    return f"{words.images(services.tag(user, images=chosen, names=names))} tagged."


def _untagged(user: User, chosen: list[Image], names: list[str]) -> str:
    count = words.images(services.untag(user, images=chosen, names=names))
    return f"Taken off {count}: {', '.join(names)}."


def _shown_to(user: User, chosen: list[Image], visibility: str) -> str:
    count = services.show_to(user, images=chosen, visibility=visibility)
    who = "only you" if visibility == Image.Visibility.PRIVATE else "the team"
    others = len(chosen) - count
    rest = f" {words.images(others)} of others stay as they were." if others else ""
    return f"{words.images(count)} for {who} now.{rest}"


# Field -> how its text is read, and what is done then.
_READERS: dict[str, Any] = {
    "tag": services.cleaned_tags,
    "untag": services.cleaned_tags,
    "favourite": lambda text: text == "on",
    "rating": _rating,
    "visibility": _visibility,
}
_VERBS: dict[str, Any] = {
    "tag": _tagged,
    "untag": _untagged,
    "favourite": _favoured,
    "rating": _rated,
    "visibility": _shown_to,
}


@require_GET
@member
def tags(request: Request) -> HttpResponse:
    """Completions for the last of the tags in a field, with what stands before it."""
    before, comma, last = request.GET.get("tag", "").replace("\0", "")[:400].rpartition(",")
    start = " ".join(last.lower().split())
    found = queries.visible_tags(request.user).filter(name__startswith=start)[:MOST_SUGGESTED]
    options = [f"{before}{comma}{' ' if comma else ''}{tag.name}" for tag in found]
    return render(request, "images/_tags.html", {"options": options if start else []})
