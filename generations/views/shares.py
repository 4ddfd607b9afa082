"""Share links as their owner sees them: making one, the list, one with its picks, ending them."""

import uuid
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from generations import queries
from generations.forms import mark_errors
from generations.models import Collection, Image, Share
from generations.services import policy, selection
from generations.services import share as services
from generations.services.errors import Invalid
from generations.views import cards, share_picks, share_rows, words
from generations.views.access import (
    Request,
    admin,
    member,
    openable_share,
    own_share,
    shareable_collection,
    uuid_or_404,
)
from generations.views.share_form import ShareForm, add_errors, initial

PAGE = 50
PREVIEWS = 8

# --- the lists ----------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@member
def collection(request: Request) -> HttpResponse:
    if request.method == "POST":
        return _create(request)
    return _list(request, queries.own_shares(request.user), "shares")


@require_GET
@admin
def team(request: Request) -> HttpResponse:
    return _list(request, queries.openable_shares(request.user), "team-shares")


def _list(request: Request, rows: QuerySet[Share], name: str) -> HttpResponse:
    is_ended, number = request.GET.get("show") == "ended", _page_number(request)
    working, ended = queries.working_shares(rows), queries.ended_shares(rows)
    shown = queries.with_counts(ended if is_ended else working)
    found = list(shown[(number - 1) * PAGE : number * PAGE + 1])
    counts = {"": working.count(), "ended": ended.count()}
    context = {
        "rows": [share_rows.row(share, request.user) for share in found[:PAGE]],
        "is_ended": is_ended,
        "is_team": name == "team-shares",
        "section": "shares",
        "tabs": [
            {
                "label": label,
                "url": _address(name, show),
                "is_current": (show == "ended") == is_ended,
                "count": counts[show],
            }
            for show, label in (("", "Working"), ("ended", "Ended"))
        ],
        "working_label": share_rows.links(counts[""]),
        "has_working": bool(counts[""]),
        "next_url": _address(name, "ended" if is_ended else "", number + 1)
        if len(found) > PAGE
        else "",
    }
    return render(request, "shares/list.html", context)


def _address(name: str, show: str, number: int = 1) -> str:
    query = {"show": show, "page": str(number) if number > 1 else ""}
    given = urlencode({key: value for key, value in query.items() if value})
    return f"{reverse(name)}{'?' if given else ''}{given}"


def _page_number(request: Request) -> int:
    text = request.GET.get("page", "")
    return min(max(int(text), 1), 1000) if text.isdecimal() and len(text) < 6 else 1


# --- making one -----------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@member
def new(request: Request) -> HttpResponse:
    """The form, for what a link or a selection's form names. Nothing is made by asking for it."""
    given = request.POST if request.method == "POST" else request.GET
    if not any(given.getlist(name) for name in ("images", "all", "collection")):
        return render(request, "shares/new.html", {})
    rules = policy.for_user(request.user)
    if not rules.may_share:
        return _refused(request, Invalid({"": policy.SHARING}))
    try:
        images, shared = _named(request, given)
    except Invalid as problem:
        return _refused(request, problem)
    expires = services.default_expiry(rules).isoformat()
    start = {"expires": expires, "title": shared.name if shared else ""}
    return _form(request, ShareForm(rules, initial=start), images, shared)


def _create(request: Request) -> HttpResponse:
    try:
        images, shared = _named(request, request.POST)
    except Invalid as problem:
        return _refused(request, problem)
    form = ShareForm(policy.for_user(request.user), request.POST)
    if form.is_valid():
        try:
            share = services.create(request.user, images=images, collection=shared, **form.values)
        except Invalid as problem:
            add_errors(form, problem.fields)
        else:
            messages.success(request, "The link is ready.")
            return _to(share)
    mark_errors(form)
    return _form(request, form, images, shared, status=422)


def _named(request: Request, given: Any) -> tuple[list[Image], Collection | None]:
    """What is to be shared. Raises Invalid, and Http404 for a collection that is not theirs."""
    if text := given.get("collection"):
        shared = shareable_collection(request.user, uuid_or_404(text))
        if shared.is_smart:
            raise Invalid({"": services.SMART})
        return [], shared
    chosen = selection.chosen(request.user, ids=given.getlist("images"), query=given.get("all"))
    return chosen, None


def _refused(request: Request, problem: Invalid) -> HttpResponse:
    context = {"problem": " ".join(problem.fields.values())}
    return render(request, "shares/new.html", context, status=422)


def _form(
    request: Request,
    form: ShareForm,
    images: list[Image],
    shared: Collection | None,
    status: int = 200,
) -> HttpResponse:
    shown = queries.collected_images(shared) if shared else None
    count = shown.count() if shown is not None else len(images)
    previews = list(shown[:PREVIEWS]) if shown is not None else images[:PREVIEWS]
    private = sum(image.visibility == Image.Visibility.PRIVATE for image in images)
    context = {
        "form": form,
        "what": f"“{shared.name}”, {words.images(count)}" if shared else words.images(count),
        "shared": shared,
        "left_out": _left_out(request, shared) if shared else 0,
        "is_empty": not count,
        "private": private,
        "previews": [cards.frame(image, "") for image in previews],
        # As it came: a search stays a search in the form, whatever it found.
        "all": request.POST.get("all", request.GET.get("all")),
        "ids": [] if "all" in request.POST or "all" in request.GET else [i.pk for i in images],
    }
    return render(request, "shares/new.html", context, status=status)


def _left_out(request: Request, shared: Collection) -> int:
    """How many of those that this person finds inside its guests do not: private ones of theirs.
    What they may not see themselves is not counted either."""
    shown = queries.collected_images(shared).order_by().values("pk")
    return queries.collection_images(request.user, shared).exclude(pk__in=shown).count()


# --- one ------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@member
def detail(request: Request, pk: uuid.UUID) -> HttpResponse:
    if request.method == "POST":
        return _change(request, own_share(request.user, pk))
    return _page(request, openable_share(request.user, pk))


def _page(
    request: Request, share: Share, form: ShareForm | None = None, status: int = 200
) -> HttpResponse:
    is_mine = share.user_id == request.user.pk
    row = share_rows.row(share, request.user)
    context: dict[str, Any] = {
        "share": share,
        "row": row,
        "facts": share_rows.facts(share, request.user),
        "is_mine": is_mine,
    }
    if is_mine:
        context |= share_picks.shown(request, share)
        rules = policy.for_user(request.user)
        context["form"] = form or ShareForm(rules, share=share, initial=initial(share))
        context["is_wrong"] = form is not None
        context["has_password"] = bool(share.password)
    return render(request, "shares/detail.html", context, status=status)


def _change(request: Request, share: Share) -> HttpResponse:
    form = ShareForm(policy.for_user(request.user), request.POST, share=share)
    if form.is_valid():
        values = form.values
        if values["expires"] == initial(share)["expires"]:
            values["expires"] = None
        no_password = bool(form.cleaned_data["no_password"])
        try:
            services.change(share, no_password=no_password, **values)
        except Invalid as problem:
            add_errors(form, problem.fields)
        else:
            messages.success(request, "Saved.")
            return _to(share)
    mark_errors(form)
    return _page(request, share, form, status=422)


@require_GET
@member
def poll(request: Request, pk: uuid.UUID) -> HttpResponse:
    """204 while the guest did nothing; else what changed."""
    share = own_share(request.user, pk)
    return share_picks.changed(request, share)


@require_GET
@member
def collected(request: Request, pk: uuid.UUID) -> HttpResponse:
    return share_picks.collected(request, pk)


@require_POST
@member
def revoke(request: Request, pk: uuid.UUID) -> HttpResponse:
    share = openable_share(request.user, pk)
    services.revoke(Share.objects.filter(pk=share.pk), by=request.user)
    messages.success(request, "The link is revoked. It opens nothing any more.")
    is_mine = share.user_id == request.user.pk
    return HttpResponseRedirect(reverse("shares" if is_mine else "team-shares"), status=303)


@require_POST
@member
def revoke_all(request: Request) -> HttpResponse:
    """A person's own links; an admin's `everybody` means those of all."""
    everybody = request.user.is_admin and request.POST.get("everybody") == "on"
    user = request.user
    rows = queries.openable_shares(user) if everybody else queries.own_shares(user)
    count = services.revoke(queries.working_shares(rows), by=user)
    are = "is" if count == 1 else "are"
    messages.success(request, f"{share_rows.links(count)} {are} revoked.")
    return HttpResponseRedirect(reverse("team-shares" if everybody else "shares"), status=303)


def _to(share: Share) -> HttpResponse:
    return HttpResponseRedirect(reverse("share-detail", args=[share.pk]), status=303)
