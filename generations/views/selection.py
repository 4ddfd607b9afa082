"""What is done to many images at once: delete, take back, restore, erase, download."""

from datetime import UTC, datetime, timedelta

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRefresh

from generations.models import Image
from generations.services import archive, selection, trash
from generations.services.errors import Invalid
from generations.views import files, words
from generations.views.access import Request, back_to, member
from generations.views.downloads import zipped

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STUCK = "The storage does not let go of the files. Tell an admin; nothing was deleted."


def chosen(request: Request) -> list[Image]:
    """The images of a form that this person sees. Raises Invalid."""
    ids, query = request.POST.getlist("images"), request.POST.get("all")
    return selection.chosen(request.user, ids=ids, query=query)


def refused(request: Request, problem: Invalid) -> HttpResponse:
    """The sentence, where the form was sent from; nothing was done."""
    sentence = " ".join(problem.fields.values())
    if request.htmx:
        return HttpResponse(sentence, status=409, content_type="text/plain")
    messages.error(request, sentence)
    return HttpResponseRedirect(back_to(request, reverse("gallery")), status=303)


@require_POST
@member
def delete(request: Request) -> HttpResponse:
    try:
        images = chosen(request)
    except Invalid as problem:
        return refused(request, problem)
    now = timezone.now()
    count = trash.delete(request.user, images=images, at=now)
    left = len(images) - count
    if not count:
        return refused(request, Invalid({"images": _others(left)}))
    sentence = f"{words.images(count)} moved to the trash."
    undo = f"{reverse('images-restore')}?at={(now - _EPOCH) // timedelta(microseconds=1)}"
    messages.success(request, f"{sentence} {_others(left)}".strip(), extra_tags=undo)
    return _done(request, is_shown=not left and "all" not in request.POST)


def _others(count: int) -> str:
    if not count:
        return ""
    what = "1 is" if count == 1 else f"{count:,} are"
    return f"{what} somebody else’s: only who made an image, and admins, delete it."


@require_POST
@member
def restore(request: Request) -> HttpResponse:
    """Undo one deletion by its moment, or take images out of the trash."""
    if "at" in request.GET:
        count = trash.undo(request.user, at=_moment(request.GET["at"]))
    else:
        try:
            count = trash.restore(request.user, images=_in_trash(request))
        except Invalid as problem:
            return refused(request, problem)
    if count:
        messages.success(request, f"{words.images(count)} came back.")
    else:
        messages.error(request, "There was nothing to bring back.")
    return _done(request, is_shown=bool(count) and "all" not in request.POST)


@require_POST
@member
def erase(request: Request) -> HttpResponse:
    try:
        count = trash.erase(request.user, images=_in_trash(request))
    except Invalid as problem:
        return refused(request, problem)
    if not count:
        return refused(request, Invalid({"images": _STUCK}))
    messages.success(request, f"{words.images(count)} deleted for good.")
    return _done(request, is_shown="all" not in request.POST)


@require_POST
@member
def download(request: Request) -> HttpResponseBase:
    try:
        return zipped(request, archive.export(request.user, chosen(request)))
    except Invalid as problem:
        return refused(request, problem)
    except OSError:
        return files.away()


def _in_trash(request: Request) -> list[Image]:
    ids, query = request.POST.getlist("images"), request.POST.get("all")
    return selection.chosen_in_trash(request.user, ids=ids, query=query)


def _moment(text: str) -> datetime:
    """What is no moment is one at which nothing was deleted."""
    try:
        return _EPOCH + timedelta(microseconds=int(text[:20]))
    except (ValueError, OverflowError):
        return _EPOCH


def _done(request: Request, *, is_shown: bool) -> HttpResponse:
    """To the script a toast, when what it shows is what was done; else the page anew."""
    if request.htmx:
        toasts = render(request, "shared/_toasts_oob.html") if is_shown else None
        return toasts or HttpResponseClientRefresh()
    return HttpResponseRedirect(back_to(request, reverse("gallery")), status=303)
