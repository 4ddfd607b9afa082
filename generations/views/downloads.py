"""Archives and tables on their way out: piece by piece, never held as a whole."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import TypeVar

from django.core.handlers.asgi import ASGIRequest
from django.db import connections
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from django.utils.http import content_disposition_header

from generations.services import archive

Piece = TypeVar("Piece", bytes, str)


def zipped(
    request: HttpRequest, packed: archive.Archive, *, has_size: bool = True
) -> StreamingHttpResponse:
    """The archive as a download. May whoever asks have these images? That is the caller's.

    Without `has_size` its size is not told: it is known only when each file has been made.
    """
    # Under ASGI Django would read a plain iterator to its end before it sends the first byte.
    pieces = packed.pieces()
    response = StreamingHttpResponse(
        _reading(pieces, b"") if isinstance(request, ASGIRequest) else pieces,
        content_type="application/zip",
        headers={"Cache-Control": "private, no-store"},
    )
    if has_size:
        response["Content-Length"] = str(packed.size)
    name = archive.file_name(timezone.now())
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    return response


def streamed(
    request: HttpRequest, pieces: Iterator[str], *, content_type: str, name: str
) -> StreamingHttpResponse:
    """Text as a download. Each piece may ask the database, and holds nothing of it afterwards."""
    return StreamingHttpResponse(
        _reading(pieces, "") if isinstance(request, ASGIRequest) else pieces,
        content_type=content_type,
        headers={
            "Cache-Control": "private, no-store",
            "Content-Disposition": content_disposition_header(True, name) or "attachment",
        },
    )


async def _reading(pieces: Iterator[Piece], end: Piece) -> AsyncIterator[Piece]:
    while piece := await asyncio.to_thread(_read, pieces, end):
        yield piece


def _read(pieces: Iterator[Piece], end: Piece) -> Piece:
    """The next piece; the thread it came in may never be used again, nor its connection."""
    try:
        return next(pieces, end)
    finally:
        connections.close_all()


def harmless(cell: str) -> str:
    """A spreadsheet takes what begins like this for a formula (OWASP, CSV injection)."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else cell
