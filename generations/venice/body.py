"""Reading an answer's body with an upper bound in bytes and in time.

httpx decodes each network chunk whole, and 64 kB of brotli can hold gigabytes; here the decoder
itself stops at the bound.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol

import brotli  # type: ignore[import-untyped, unused-ignore]
import httpx

MAX_BODY = 64 * 1024 * 1024
MAX_ERROR_BODY = 64 * 1024


class TooLarge(Exception):
    """The decoded body is larger than the bound; what lies beyond was not read."""


class Broken(Exception):
    """The body arrived, but its compression cannot be undone."""


class Late(Exception):
    """The whole call took longer than it may."""


class Decoder(Protocol):
    def feed(self, chunk: bytes, room: int) -> Iterator[bytes]:
        """Decoded pieces; stops after the first that brings the sum above `room` bytes."""
        ...


class Plain:
    def feed(self, chunk: bytes, room: int) -> Iterator[bytes]:
        yield chunk


class Gzip:
    def __init__(self) -> None:
        # 32 lets zlib tell gzip and zlib headers apart: "deflate" is sent as either.
        self._stream = zlib.decompressobj(zlib.MAX_WBITS | 32)

    def feed(self, chunk: bytes, room: int) -> Iterator[bytes]:
        yield self._stream.decompress(chunk, room + 1)


class Brotli:
    def __init__(self) -> None:
        self._stream = brotli.Decompressor()

    def feed(self, chunk: bytes, room: int) -> Iterator[bytes]:
        while True:
            piece = self._stream.process(chunk, output_buffer_limit=room + 1)
            yield piece
            chunk, room = b"", room - len(piece)
            if room < 0 or self._stream.can_accept_more_data():
                return


def decoder_for(encoding: str) -> Decoder:
    """Raises Broken for a compression that was not asked for."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return Plain()
    if name in ("gzip", "x-gzip", "deflate"):
        return Gzip()
    if name == "br":
        return Brotli()
    raise Broken(f"unexpected content-encoding {name[:40]}")


def read_body(response: httpx.Response, *, deadline: float, limit: int = MAX_BODY) -> bytes:
    """The decoded body of a streamed response. `deadline` is in `time.monotonic()` seconds.

    Raises TooLarge, Broken, Late, and whatever the transport raises.
    """
    # The transport takes its time limit for all gaps of the body when the body begins.
    limits = response.request.extensions.get("timeout")
    if isinstance(limits, dict):
        limits["read"] = max(deadline - time.monotonic(), 0.001)
    assert isinstance(response.stream, httpx.SyncByteStream)
    decoder = decoder_for(response.headers.get("content-encoding", ""))
    try:
        return b"".join(_pieces(response.stream, decoder, deadline, limit))
    except (zlib.error, brotli.error) as trouble:
        reason = f"broken compression: {trouble}"
    raise Broken(reason)


def _pieces(
    chunks: Iterable[bytes], decoder: Decoder, deadline: float, limit: int
) -> Iterator[bytes]:
    room = limit
    for chunk in chunks:
        if time.monotonic() > deadline:
            raise Late
        for piece in decoder.feed(chunk, room):
            room -= len(piece)
            if room < 0:
                raise TooLarge
            yield piece
    # A connection cut off at the deadline looks like the end of a body without a length.
    if time.monotonic() > deadline:
        raise Late
