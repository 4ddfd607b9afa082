"""What somebody outside sees of a share link: pictures, and nothing that leads further in.

Templates get no request here: so there is no user, no session and no name of ours in them.
"""

import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST, require_safe

from generations import queries
from generations.models import Image, Pick, Share
from generations.services import guest as services
from generations.services import image as images
from generations.services import share as shares
from generations.services.errors import Invalid
from generations.views import cards, files, words
from generations.views.access import TICKET, GuestRequest, guest, opened, shared_image
from generations.views.downloads import zipped

PAGE = 60
EAGER = 6


@dataclass
class Picture:
    number: int
    dom_id: str
    href: str
    src: str
    src_large: str
    srcset: str
    width: int
    height: int
    ratio_class: str
    alt: str
    prompt: str
    pick: dict[str, Any]
    is_eager: bool = False


# --- looking ------------------------------------------------------------------------------------


@require_safe
@guest
def page(request: GuestRequest) -> HttpResponse:
    if not request.is_open:
        return _ask(request)
    share, number = request.share, _page_number(request)
    _count(request)
    rows = _rows(share)
    found = list(rows[(number - 1) * PAGE : number * PAGE + 1])
    first, back = (number - 1) * PAGE + 1, str(number)
    base = _base(request)
    context = base | {
        "pictures": [
            _picture(request, image, at, base["count"], is_eager=at < first + EAGER, back=back)
            for at, image in enumerate(found[:PAGE], first)
        ],
        "next_url": _page_url(request, number + 1) if len(found) > PAGE else "",
        "previous_url": _page_url(request, number - 1) if number > 1 else "",
    }
    return render(None, "guest/page.html", context)


@require_safe
@opened
def one(request: GuestRequest, pk: uuid.UUID) -> HttpResponse:
    """One picture, large, with its neighbours."""
    _count(request)
    ids = list(queries.shared_images(request.share).values_list("pk", flat=True))
    if pk not in ids:
        raise Http404
    at = ids.index(pk)
    image = _rows(request.share).get(pk=pk)
    context = _base(request) | {
        "picture": _picture(request, image, at + 1, len(ids), back="one"),
        "download_url": _file_url(request, image) if request.share.may_download else "",
        "previous_url": _one_url(request, ids[at - 1]) if at else "",
        "next_url": _one_url(request, ids[at + 1]) if at + 1 < len(ids) else "",
        "all_url": f"{_page_url(request, at // PAGE + 1)}#{_dom_id(pk)}",
    }
    return render(None, "guest/one.html", context)


def _rows(share: Share) -> Any:
    rows = queries.shared_images(share)
    if share.shows_prompt:
        rows = rows.select_related("generation")
    return queries.with_picks(rows, share) if share.asks_picks else rows


def _count(request: GuestRequest) -> None:
    guest = f"{request.place} {request.headers.get('User-Agent', '')}"
    services.count_visit(request.share, guest=guest)


def _base(request: GuestRequest) -> dict[str, Any]:
    """What the link's every page has."""
    share = request.share
    tally = _tally(request)
    count = words.images(tally["all"])
    return {
        "title": share.title or "Shared images",
        "lead": _lead(share, count),
        "count": tally["all"],
        "tally": tally if share.asks_picks else None,
        "home_url": reverse("guest", args=[request.token]),
        "zip_url": reverse("guest-zip", args=[request.token]) if share.may_download else "",
        "is_demo": settings.IS_DEMO,
    }


def _tally(request: GuestRequest) -> dict[str, Any]:
    """How many images there are; where picks are asked for, how far they have come."""
    share = request.share
    if not share.asks_picks:
        return {"all": queries.shared_images(share).order_by().count()}
    counts: dict[str, Any] = dict(queries.pick_counts(share))
    next_open = queries.undecided_images(share).values_list("pk", flat=True).first()
    decided = counts["yes"] + counts["no"]
    return counts | {
        "decided": decided,
        "part": round(decided / counts["all"] * 100) if counts["all"] else 0,
        "open_url": _one_url(request, next_open) if next_open else "",
        "send_url": reverse("guest-send", args=[request.token]),
        "is_sent": share.sent_at is not None,
    }


def _lead(share: Share, count: str) -> str:
    ask = " Mark what you like, cross out what you don’t, leave a note where it helps."
    until = f" Open until {words.date(shares.ends_at(share))}."
    return f"{count}.{ask if share.asks_picks else ''}{until}"


def _picture(
    request: GuestRequest,
    image: Image,
    number: int,
    count: int,
    *,
    is_eager: bool = False,
    back: str = "",
) -> Picture:
    href, share = _one_url(request, image.pk), request.share
    prompt = image.generation.prompt if share.shows_prompt else ""
    small, large = min(512, image.width), min(1024, image.width)
    return Picture(
        number=number,
        dom_id=_dom_id(image.pk),
        href=href,
        src=f"{href}w512",
        src_large=f"{href}w1024",
        srcset="" if small == large else f"{href}w512 {small}w, {href}w1024 {large}w",
        width=image.width,
        height=image.height,
        ratio_class=cards.ratio_class(image.ratio),
        alt=words.clip(prompt, 120) or f"Image {number}",
        prompt=prompt,
        pick=_pick(request, image, number, count, back) if share.asks_picks else {},
        is_eager=is_eager,
    )


def _pick(request: GuestRequest, image: Any, number: int, count: int, back: str) -> dict[str, Any]:
    return {
        "id": image.pk.hex,
        "number": number,
        "count": count,
        "url": reverse("guest-pick", args=[request.token, image.pk]),
        "choice": image.choice or "",
        "note": image.note_of_guest or "",
        "limit": Pick.NOTE_LIMIT,
        "back": back,
    }


def _dom_id(pk: uuid.UUID) -> str:
    return f"image-{pk.hex}"


def _one_url(request: GuestRequest, pk: uuid.UUID) -> str:
    return reverse("guest-image", args=[request.token, pk])


def _file_url(request: GuestRequest, image: Image) -> str:
    return reverse("guest-file", args=[request.token, image.pk, "original"])


def _page_url(request: GuestRequest, number: int) -> str:
    query = f"?{urlencode({'page': number})}" if number > 1 else ""
    return reverse("guest", args=[request.token]) + query


def _page_number(request: HttpRequest, text: str | None = None) -> int:
    text = request.GET.get("page", "") if text is None else text
    return min(max(int(text), 1), 10_000) if text.isdecimal() and len(text) < 6 else 1


# --- files --------------------------------------------------------------------------------------


@require_safe
@opened
def file(request: GuestRequest, pk: uuid.UUID, kind: str) -> HttpResponse:
    """Looked up anew each time and kept by nobody: a link that ended has ended everywhere."""
    image = shared_image(request.share, pk)
    if kind == "original" and not request.share.may_download:
        raise Http404
    return _sent(request, image, kind)


@files.answering
def _sent(request: HttpRequest, image: Image, kind: str) -> HttpResponse:
    headers = {**files.SAFE, "Content-Type": files.type_of(image, kind)}
    if kind == "original":
        name = f"image-{image.pk.hex[:8]}.{image.format}"
        headers["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
        return HttpResponse(images.stripped(image), headers=headers)
    handed = files.handed_off(request, image, kind, headers)
    return handed or HttpResponse(images.read_file(image, kind), headers=headers)


@require_safe
@opened
def archive(request: GuestRequest) -> Any:
    if not request.share.may_download:
        raise Http404
    if request.method == "GET":
        services.note_archive(request.share)
    return zipped(request, services.archive_of(request.share), has_size=False)


# --- password -----------------------------------------------------------------------------------


@require_POST
@guest
def unlock(request: GuestRequest) -> HttpResponse:
    home = HttpResponseRedirect(reverse("guest", args=[request.token]), status=303)
    if request.is_open:
        return home
    password = request.POST.get("password", "")
    try:
        ticket = services.unlock(request.share, password, address=request.place)
    except services.TooMany as problem:
        return _ask(request, str(problem), status=429)
    if ticket is None:
        return _ask(request, "That is not the password.", status=422)
    home.set_cookie(
        TICKET,
        ticket,
        path=reverse("guest", args=[request.token]),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return home


def _ask(request: GuestRequest, error: str = "", status: int = 200) -> HttpResponse:
    context = {
        "url": reverse("guest-unlock", args=[request.token]),
        "error": error,
        "is_demo": settings.IS_DEMO,
    }
    return render(None, "guest/password.html", context, status=status)


# --- picks --------------------------------------------------------------------------------------


@require_POST
@opened
def pick(request: GuestRequest, pk: uuid.UUID) -> HttpResponse:
    image = _pickable(request, pk)
    choice, note = request.POST.get("choice"), request.POST.get("note")
    try:
        services.pick(request.share, image, choice=choice, note=note, address=request.place)
    except (Invalid, services.TooMany) as problem:
        return _refused(problem)
    if not request.htmx:
        return HttpResponseRedirect(_back(request, pk), status=303)
    number, tally = _page_number(request, request.POST.get("number", "")), _tally(request)
    image = _rows(request.share).get(pk=pk)
    said = {"yes": "yes", "no": "no", "": "open again"}[image.choice or ""]
    context = {
        "pick": _pick(request, image, number, tally["all"], request.POST.get("back", "")),
        "tally": tally,
        "is_choice": choice is not None,
        "announcement": f"Image {number}: {said}." if choice is not None else "Note saved.",
    }
    return render(None, "guest/_picked.html", context)


@require_POST
@opened
def send(request: GuestRequest) -> HttpResponse:
    if not request.share.asks_picks:
        raise Http404
    try:
        services.send(request.share, address=request.place)
    except services.TooMany as problem:
        return _refused(problem)
    return HttpResponseRedirect(f"{reverse('guest', args=[request.token])}#tally", status=303)


def _pickable(request: GuestRequest, pk: uuid.UUID) -> Image:
    if not request.share.asks_picks:
        raise Http404
    return shared_image(request.share, pk)


def _refused(problem: Invalid | services.TooMany) -> HttpResponse:
    """A sentence: the script shows it, and without one it is the page."""
    if isinstance(problem, Invalid):
        sentence, status = " ".join(problem.fields.values()), 400
    else:
        sentence, status = str(problem), 429
    return HttpResponse(sentence, status=status, content_type="text/plain")


def _back(request: GuestRequest, pk: uuid.UUID) -> str:
    back = request.POST.get("back", "")
    if back == "one":
        return _one_url(request, pk)
    return f"{_page_url(request, _page_number(request, back))}#{_dom_id(pk)}"


@guest
def nothing(request: GuestRequest, rest: str = "") -> HttpResponse:
    raise Http404
