"""Files on their way out, after the page's own check: whole or in part, by us or handed off."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header

from generations.models import Image
from generations.services import hand_off
from generations.services import image as services

P = ParamSpec("P")
TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}
Sender = Callable[Concatenate[HttpRequest, P], HttpResponse]


def answering(send: Sender[P]) -> Sender[P]:
    """A file that is lost is not there; a storage that is away may be back in a moment."""

    @wraps(send)
    def answered(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return send(request, *args, **kwargs)
        except FileNotFoundError:
            raise Http404 from None
        except OSError:
            return away()

    return answered


def away() -> HttpResponse:
    return HttpResponse(
        "The storage does not answer. Try again in a moment.",
        status=503,
        content_type="text/plain",
        headers={"Retry-After": "10", "Cache-Control": "no-store"},
    )


@answering
def conditional(request: HttpRequest, image: Image, kind: str) -> HttpResponse:
    """The file with ETag and Range. What holds an image must hold its bytes at the next request,
    so a browser may keep them but asks each time."""
    etag = f'"{image.sha256[:32]}-{kind}"'
    headers = {"Cache-Control": "private, no-cache", **SAFE, "Accept-Ranges": "bytes", "ETag": etag}
    if unchanged := get_conditional_response(request, etag=etag):
        for name, value in headers.items():
            unchanged[name] = value
        return unchanged
    headers["Content-Type"] = type_of(image, kind)
    return handed_off(request, image, kind, headers) or _ranged(request, image, kind, headers)


@answering
def download(request: HttpRequest, image: Image, kind: str, *, name: str) -> HttpResponse:
    """The same, to be saved under that name."""
    disposition = content_disposition_header(True, name) or "attachment"
    is_asked = kind == "original" and request.method == "GET"
    if is_asked and (url := _elsewhere(image, disposition)):
        return HttpResponseRedirect(url, headers={"Cache-Control": "private, no-store"})
    response = conditional(request, image, kind)
    if response.status_code != 503:
        response["Content-Disposition"] = disposition
    return response


def handed_off(
    request: HttpRequest, image: Image, kind: str, headers: dict[str, str]
) -> HttpResponse | None:
    """The answer by which the server in front sends the file; None when we send it ourselves."""
    is_head = request.method == "HEAD"
    if inner := hand_off.inner_path(image, kind, is_head=is_head):
        return HttpResponse(headers={**headers, "X-Accel-Redirect": inner})
    return None


def type_of(image: Image, kind: str) -> str:
    return TYPES[image.format] if kind == "original" else "image/webp"


def _elsewhere(image: Image, disposition: str) -> str:
    told = {
        "Content-Disposition": disposition,
        "Content-Type": TYPES[image.format],
        "Cache-Control": "private, no-store",
    }
    return hand_off.download_url(image, headers=told)


_RANGE = re.compile(r"bytes=([0-9]{0,12})-([0-9]{0,12})")


def _ranged(request: HttpRequest, image: Image, kind: str, headers: dict[str, str]) -> HttpResponse:
    """One range, as RFC 9110 has it; several, or words we do not know, give the whole file."""
    asked = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    is_same = request.headers.get("If-Range", headers["ETag"]) == headers["ETag"]
    is_none = asked and asked[1] and asked[2] and int(asked[1]) > int(asked[2])  # says RFC 9110
    if not asked or not is_same or is_none or asked.group(0) == "bytes=-":
        return HttpResponse(services.read_file(image, kind), headers=headers)
    size = services.size_of(image, kind)
    first, last = _bounds(asked[1], asked[2], size)
    if first > last or first >= size:
        return HttpResponse(status=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    part = {**headers, "Content-Range": f"bytes {first}-{last}/{size}"}
    data = services.read_part(image, kind, first, last)
    return HttpResponse(data, status=206, headers=part)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:  # the last n bytes
        return max(0, size - int(last)), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1
