"""Between WSGI and the stand-in: one request read, one answer sent, or cut off halfway."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from .answers import Answer, LineCut

PREFIX = "/api/v1"
LARGEST_BODY = 8 * 1024 * 1024
SMALLEST_GZIP = 1024
LARGEST_GZIP = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One HTTP request, read. `key` None means no bearer was sent."""

    method: str
    path: str
    query: dict[str, list[str]]
    key: str | None
    media_type: str
    body: bytes
    accepts_gzip: bool

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256((self.key or "").encode()).hexdigest()[:12]

    def is_key(self, kind: str) -> bool:
        """Whether a word of the key begins with `kind`; a random key hardly ever does by chance."""
        return re.search(rf"(?<![A-Za-z0-9]){kind}", self.key or "") is not None

    @property
    def own_limit(self) -> int | None:
        """Requests a minute that a word of the key names: "a-key-rpm30"."""
        named = re.search(r"(?<![A-Za-z0-9])rpm([0-9]{1,6})(?![A-Za-z0-9])", self.key or "")
        return int(named[1]) if named else None

    def json_object(self) -> dict[str, Any] | None:
        try:
            content = json.loads(self.body)
        except ValueError:
            return None
        return content if isinstance(content, dict) else None


def read_call(environ: dict[str, Any]) -> Call:
    """The path is taken with and without /api/v1 in front."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    scheme, _, key = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return Call(
        method=environ["REQUEST_METHOD"],
        path=environ.get("PATH_INFO", "").removeprefix(PREFIX).rstrip("/"),
        query=parse_qs(environ.get("QUERY_STRING", "")),
        key=key.strip() or None if scheme.lower() == "bearer" else None,
        media_type=environ.get("CONTENT_TYPE", "").lower(),
        body=environ["wsgi.input"].read(min(length, LARGEST_BODY + 1)) if length else b"",
        accepts_gzip="gzip" in environ.get("HTTP_ACCEPT_ENCODING", ""),
    )


def send(
    call: Call, answer: Answer, start_response: Callable[..., Any], *, is_cut: bool
) -> Iterable[bytes]:
    body, headers = answer.body, {"content-type": answer.media_type, **answer.headers}
    is_json = answer.media_type.startswith("application/json")
    if call.accepts_gzip and is_json and SMALLEST_GZIP <= len(body) <= LARGEST_GZIP:
        body = gzip.compress(body, compresslevel=1)
        headers["content-encoding"] = "gzip"
    headers["content-length"] = str(len(body))
    reason = HTTPStatus(answer.status).phrase if answer.status in list(HTTPStatus) else "Unknown"
    start_response(f"{answer.status} {reason}", list(headers.items()))
    return _half(body) if is_cut else [body]


def _half(body: bytes) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    raise LineCut("cut inside the body")
