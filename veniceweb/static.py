"""Static files: made small when they are collected, and served in front of Django by whitenoise's
file table, spoken as ASGI.

Whitenoise's own middleware is synchronous, and one synchronous middleware makes every waiting
API request hold a thread.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.headers import Headers

import rcssmin
import rjsmin
from django.conf import settings
from whitenoise import WhiteNoise
from whitenoise.storage import CompressedManifestStaticFilesStorage


def _small_css(text: str) -> str:
    """Inside @layer rcssmin takes the blank of "a :is(b)" for one before a value, and drops it."""
    return str(rcssmin.cssmin(re.sub(r"(?<=\s)(?=::?[a-z-])", "*", text)))


SMALLER: dict[str, Callable[[str], str]] = {".css": _small_css, ".js": rjsmin.jsmin}

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

HASHED_NAME = r"\.[0-9a-f]{12}\."


class SmallStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Comments and blanks stay in the sources; what browsers get has none."""

    def post_process(self, paths: dict[str, Any], *args: Any, **options: Any) -> Iterator[Any]:
        for name in paths:
            file = Path(self.path(name))
            if smaller := SMALLER.get(file.suffix):
                file.write_text(smaller(file.read_text()))
        # Django would read the sources again.
        collected = {name: (self, name) for name in paths}
        yield from super().post_process(collected, *args, **options)


def with_static_files(application: Application) -> Application:
    files = WhiteNoise(
        None,
        root=str(settings.STATIC_ROOT),
        prefix=settings.STATIC_URL,
        allow_all_origins=False,
        immutable_file_test=HASHED_NAME,
        add_headers_function=_add_headers,
    ).files

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        found = files.get(scope["path"]) if scope["type"] == "http" else None
        if found is None:
            return await application(scope, receive, send)
        response = found.get_response(scope["method"], _environ(scope))
        body = await asyncio.to_thread(_read, response.file) if response.file else b""
        await send(
            {
                "type": "http.response.start",
                "status": int(response.status),
                "headers": [(k.lower().encode(), v.encode()) for k, v in response.headers],
            }
        )
        await send({"type": "http.response.body", "body": body})

    return serve


def _add_headers(headers: Headers, path: str, url: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"


def _environ(scope: Scope) -> dict[str, str]:
    return {
        f"HTTP_{name.decode('latin-1').upper().replace('-', '_')}": value.decode("latin-1")
        for name, value in scope["headers"]
    }


def _read(file: Any) -> bytes:
    with file:
        return bytes(file.read())
