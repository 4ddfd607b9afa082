"""Error pages: what happened, and a way on."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The page was open too long, or cookies are off: nothing was done."""
    return render(request, "403_csrf.html", status=403)
