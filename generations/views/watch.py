"""Around every request: its id, a line of the log (in JSON), and a count by the address's name."""

import logging
import re
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from generations.services import trail
from generations.views import metrics

logger = logging.getLogger("generations.access")

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Asked by the machines around us, which call us by an address of their own.
WATCHED = frozenset({"/healthz", "/readyz", "/metrics"})
_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)


class WatchMiddleware:
    """The outermost, so that whatever is written meanwhile belongs to the request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began, name = time.perf_counter(), _id_of(request)
        if request.path in WATCHED:
            request.META["HTTP_HOST"] = urlsplit(settings.PUBLIC_URL).netloc
        trail.begin(request=name)
        response = self.get_response(request)
        if hasattr(response, "finish"):
            response.finish = _noted_later(request, response, name, began)
            return response
        return _noted(request, response, name, began)


def _id_of(request: HttpRequest) -> str:
    """A proxy's, where one of ours stands in front; else a new one."""
    given = request.headers.get("X-Request-ID", "") if settings.PROXIES else ""
    return given if _ID.fullmatch(given) else uuid.uuid4().hex


def _noted_later(request: HttpRequest, waited: Any, name: str, began: float) -> Any:
    """For what is answered after a wait, in another thread: see veniceweb/asgi.py."""
    finish = waited.finish

    def finished(is_over: bool) -> HttpResponseBase:
        trail.begin(request=name)
        return _noted(request, finish(is_over), name, began)

    return finished


def _noted(
    request: HttpRequest, response: HttpResponseBase, name: str, began: float
) -> HttpResponseBase:
    seconds = time.perf_counter() - began
    method = request.method if request.method in METHODS else "other"
    where = request.resolver_match.view_name if request.resolver_match else ""
    metrics.count(where or "none", method or "other", response.status_code, seconds)
    fields: dict[str, Any] = {
        "method": method,
        "name": where or "none",
        "status": response.status_code,
        "ms": round(seconds * 1000, 1),
    }
    if job := response.get("X-Generation-Id", ""):
        fields["generation"] = job
    else:
        # What makes a job is known by the job's id, as SDKs show it.
        response["X-Request-ID"] = name
    logger.info("%s %s %s", method, where or "none", response.status_code, extra={"fields": fields})
    return response
