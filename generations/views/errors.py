"""Error answers: what happened, and a way on. To htmx a sentence, which the page shows."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

SENTENCES = {
    400: "That was not understood. Nothing was sent.",
    403: "This page was open too long. Reload it and try again; nothing was sent.",
    404: "That is not here any more. Reload the page.",
    500: "Something broke on this server. Nothing you wrote is lost; try again in a moment.",
}


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The page was open too long, or cookies are off: nothing was done."""
    return _answer(request, 403, "403_csrf.html")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 400, "400.html")


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 403, "403.html")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 404, "404.html")


def no_link(request: HttpRequest) -> HttpResponse:
    """No such share link, or no more, or not yet the password: one answer for all of them."""
    if "HX-Request" in request.headers:
        sentence = "This link does not work any more."
        return HttpResponse(sentence, status=404, content_type="text/plain")
    return render(None, "guest/nothing.html", status=404)


def no_invite(request: HttpRequest) -> HttpResponse:
    """No such invitation, or used, withdrawn or over: one answer for all of them."""
    return render(request, "invite/nothing.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    # Without the request: what broke may be among what a page asks for.
    if "HX-Request" in request.headers:
        return HttpResponse(SENTENCES[500], status=500, content_type="text/plain")
    return render(None, "500.html", status=500)


def _answer(request: HttpRequest, status: int, template: str) -> HttpResponse:
    if "HX-Request" in request.headers:
        return HttpResponse(SENTENCES[status], status=status, content_type="text/plain")
    return render(request, template, status=status)
