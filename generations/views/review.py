"""The review desk: one image at a time, or many in a grid; decisions, claims, questions."""

import uuid

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from generations import queries
from generations.models import Case, Decision, Image
from generations.services import image as images
from generations.services import review as services
from generations.services.errors import Invalid, NotPossible
from generations.views import desk, files, words
from generations.views.access import (
    Request,
    any_case,
    own_decision,
    reviewer,
    uuid_or_404,
    waiting_case,
)

GRID = 60


@require_safe
@reviewer
def queue(request: Request) -> HttpResponse:
    """The next image that nobody is looking at; claiming it is a POST of its own."""
    if request.GET.get("view") == "grid":
        return _grid(request)
    rows = queries.queue(request.user)
    free = queries.unclaimed(rows, request.user)
    case = queries.with_desk(free).first()
    if case is None:
        return _empty(request, rows.exists())
    return _desk(request, case, rows=rows)


@require_http_methods(["GET", "HEAD", "POST"])
@reviewer
def one(request: Request, pk: uuid.UUID) -> HttpResponse:
    case = any_case(pk)
    if request.method == "POST":
        return _decide(request, case)
    if case.closed_at is not None:
        return render(request, "review/record.html", desk.record(request.user, case))
    return _desk(request, case)


def _desk(
    request: Request,
    case: Case,
    problems: dict[str, str] | None = None,
    status: int = 200,
    rows: QuerySet[Case] | None = None,
) -> HttpResponse:
    rows = queries.queue(request.user) if rows is None else rows
    context = desk.page(request.user, case, rows, is_shown="show" in request.GET)
    context |= {"problems": problems or {}, "given": request.POST}
    return render(request, "review/desk.html", context, status=status)


def _empty(request: Request, has_claimed: bool) -> HttpResponse:
    figures = queries.figures_waiting(request.user)
    if has_claimed:
        text = "Other reviewers are looking at all that waits."
    elif figures["own"]:
        text = "What waits is yours; another reviewer decides about it."
    else:
        text = "Nothing waits. What is held comes here by itself."
    return render(request, "review/empty.html", {"text": text})


# --- deciding ---------------------------------------------------------------------------------


def _decide(request: Request, case: Case) -> HttpResponse:
    given = request.POST
    try:
        verdict = services.verdict(
            given.get("decision", ""), code=given.get("reason", ""), note=given.get("note", "")
        )
        decision = services.decide(request.user, case=case, verdict=verdict)
    except Invalid as problem:
        if case.closed_at is not None:
            return _to(desk.address(case))
        return _desk(request, case, problem.fields, status=422)
    except NotPossible as problem:
        messages.error(request, str(problem))
        return _next(request, case)
    messages.success(
        request, _said(decision), extra_tags=reverse("review-undo", args=[decision.pk])
    )
    return _next(request, case)


def _said(decision: Decision) -> str:
    who = decision.case.user.display_name.split()[0]
    if decision.kind == Decision.Kind.APPROVE:
        return f"Approved. {who} can see and share it now."
    return f"Rejected. {who} is told why."


def _next(request: Request, case: Case) -> HttpResponse:
    """On to what follows in the queue, and from its end to its beginning; claimed on the way."""
    rows = queries.unclaimed(queries.queue(request.user), request.user).exclude(pk=case.pk)
    rows = rows.select_related(None)
    following = queries.behind(rows, case).first() or rows.first()
    if following is None or not services.claim(request.user, case=following):
        return _to(reverse("review"))
    return _to(desk.address(following))


def _to(url: str) -> HttpResponse:
    return HttpResponseRedirect(url, status=303)


@require_POST
@reviewer
def skip(request: Request, pk: uuid.UUID) -> HttpResponse:
    """On to the next one; this one stays where it is, for others as well."""
    case = waiting_case(pk)
    services.release(request.user)
    return _next(request, case)


@require_POST
@reviewer
def claim(request: Request, pk: uuid.UUID) -> HttpResponse:
    """For the script: take it, or keep it. 409 when somebody else has it; what one has decided
    oneself meanwhile, with quick keys, is nobody's any more."""
    taken = services.claim(request.user, case=waiting_case(pk))
    is_anothers = not taken and queries.open_cases([pk]).exists()
    return HttpResponse(status=409 if is_anothers else 204)


@require_POST
@reviewer
def undo(request: Request, pk: uuid.UUID) -> HttpResponse:
    decision = own_decision(request.user, pk)
    try:
        case = services.undo(request.user, decision=decision)
    except NotPossible as problem:
        messages.error(request, str(problem))
        return _to(reverse("review"))
    messages.info(request, "Undone. It waits for a decision again.")
    return _to(desk.address(case))


@require_POST
@reviewer
def ask(request: Request, pk: uuid.UUID) -> HttpResponse:
    case = waiting_case(pk)
    try:
        services.ask(request.user, case=case, question=request.POST.get("note", ""))
    except Invalid as problem:
        return _desk(request, case, problem.fields, status=422)
    except NotPossible as problem:
        messages.error(request, str(problem))
    else:
        who = case.user.display_name.split()[0]
        messages.success(request, f"Asked. It comes back when {who} has answered.")
    return _next(request, case)


# --- many at once -----------------------------------------------------------------------------


def _grid(request: Request, problem: str = "", status: int = 200) -> HttpResponse:
    rows = queries.queue(request.user).filter(image__isnull=False)
    found = list(rows[: GRID + 1])
    is_shown = "show" in request.GET
    context = {
        "tiles": desk.tiles(found[:GRID], is_shown=is_shown),
        "is_shown": is_shown,
        "has_more": len(found) > GRID,
        "chosen": set(request.POST.getlist("images")),
        "is_all": "all" in request.GET,
        "codes": Decision.Code.choices,
        "given": request.POST,
        "problem": problem,
        "waiting": desk.waiting(queries.figures_waiting(request.user)),
        "section": "grid",
    }
    return render(request, "review/grid.html", context, status=status)


@require_POST
@reviewer
def decide_many(request: Request) -> HttpResponse:
    given = request.POST
    asked = list(dict.fromkeys(given.getlist("images")))[: services.MOST_AT_ONCE]
    if not asked:
        return _grid(request, "Choose an image first.", status=422)
    try:
        verdict = services.verdict(
            given.get("decision", ""), code=given.get("reason", ""), note=given.get("note", "")
        )
    except Invalid as problem:
        return _grid(request, " ".join(problem.fields.values()), status=422)
    done, left = 0, 0
    for case in queries.open_cases(uuid_or_404(text) for text in asked):
        try:
            services.decide(request.user, case=case, verdict=verdict)
        except NotPossible:
            left += 1
        else:
            done += 1
    left += max(0, len(asked) - done - left)
    messages.success(request, _said_of_many(verdict.kind, done, left))
    return _to(f"{reverse('review')}?view=grid")


def _said_of_many(kind: Decision.Kind, done: int, left: int) -> str:
    sentence = f"{words.images(done)} {Decision.Kind(kind).label.lower()}."
    return (
        f"{sentence} {words.images(left)} had been decided, or are not yours to."
        if left
        else (sentence)
    )


# --- a veil -----------------------------------------------------------------------------------


@require_safe
@reviewer
def blur(request: Request, pk: uuid.UUID) -> HttpResponse:
    """A few colours instead of the picture; of what is locked away nothing."""
    image = _just_approved(request, pk) or waiting_image(pk)
    etag = f'"{image.sha256[:32]}-blur"'
    if unchanged := get_conditional_response(request, etag=etag):
        return unchanged
    try:
        data = images.veiled(image)
    except FileNotFoundError:
        raise Http404 from None
    except OSError:
        return files.away()
    headers = {"Cache-Control": "private, no-cache", "ETag": etag, "Content-Type": "image/webp"}
    return HttpResponse(data, headers=headers | {"X-Content-Type-Options": "nosniff"})


def _just_approved(request: Request, pk: uuid.UUID) -> Image | None:
    """What this reviewer approved just now: the desk shows the last one beside the queue, and
    with quick keys the page before may still be asking.
    """
    fresh = queries.fresh_decisions(request.user, services.UNDO)
    made = fresh.filter(case__image_uuid=pk).first()
    image = made.case.image if made else None
    return image if image and image.state == Image.State.SHOWN else None


def waiting_image(pk: uuid.UUID) -> Image:
    """Raises Http404 for what is shown to everybody, locked away, or not there."""
    kept = (Image.State.HELD, Image.State.REJECTED)
    image = queries.held_images().filter(pk=pk, state__in=kept).first()
    if image is None:
        raise Http404
    return image
