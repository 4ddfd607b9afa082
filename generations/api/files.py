"""The address of an image that needs no token, for an hour: what `response_format: url` gives."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response

from generations.api import errors
from generations.api.access import public
from generations.api.errors import ApiError
from generations.models import Image
from generations.services import delivery, hand_off

TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
# Whoever keeps it asks each time, so that an image which may not be shown any more is not.
HEADERS = {
    "Cache-Control": "private, no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


@public("GET", "HEAD")
def image(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Looked up anew each time; made anew only for whoever has not got it."""
    found = delivery.find(pk, request.GET.dict())
    if found is None:
        raise ApiError("not_found", "There is no such image, or its address works no more.")
    row, form = found
    headers = {**HEADERS, "ETag": form.etag(row), "X-Generation-Id": str(row.generation_id)}
    response = get_conditional_response(request, etag=headers["ETag"])
    if response is None:
        response = _sent(row, form, is_head=request.method == "HEAD")
    for name, value in headers.items():
        response[name] = value
    return response


def _sent(row: Image, form: delivery.Form, *, is_head: bool) -> HttpResponse:
    """Raises ApiError."""
    told = {"Content-Type": TYPES[form.kind(row)]}
    wait = {"Retry-After": str(delivery.BREATH)}
    try:
        if form.is_original(row) and (
            inner := hand_off.inner_path(row, "original", is_head=is_head)
        ):
            return HttpResponse(headers={**told, "X-Accel-Redirect": inner})
        return HttpResponse(delivery.data(row, form, is_bounded=True), headers=told)
    except FileNotFoundError:
        raise ApiError("not_found", "The storage has lost this image.") from None
    except delivery.TooOften:
        raise ApiError("too_many_requests", OFTEN, headers=wait) from None
    except OSError:
        raise errors.storage_away() from None


OFTEN = (
    "Images of this account were asked for in other formats too often. Wait a minute, or take "
    "them as they were made."
)
