"""The address of an image that needs no token, for an hour: what `response_format: url` gives."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from generations.api.access import public
from generations.api.errors import ApiError
from generations.models import Image
from generations.services import delivery, hand_off

TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
# As for guests: kept by nobody, so that an image which may not be shown any more is not.
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


@public("GET", "HEAD")
def image(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Looked up anew each time."""
    found = delivery.find(pk, request.GET.dict())
    if found is None:
        raise ApiError("not_found", "There is no such image, or its address works no more.")
    row, form = found
    try:
        return _sent(row, form, is_head=request.method == "HEAD")
    except FileNotFoundError:
        raise ApiError("not_found", "The storage has lost this image.") from None
    except OSError:
        sentence = "The storage does not answer. Try again in a moment."
        raise ApiError(
            "server_error", sentence, status=503, headers={"Retry-After": "10"}
        ) from None


def _sent(row: Image, form: delivery.Form, *, is_head: bool) -> HttpResponse:
    headers = {**HEADERS, "Content-Type": TYPES[form.kind(row)]}
    if form.is_original(row) and (inner := hand_off.inner_path(row, "original", is_head=is_head)):
        return HttpResponse(headers={**headers, "X-Accel-Redirect": inner})
    return HttpResponse(delivery.data(row, form), headers=headers)
