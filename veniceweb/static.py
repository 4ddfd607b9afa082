"""Static files in front of Django: whitenoise's file table, spoken as ASGI.

Whitenoise's own middleware is synchronous, and one synchronous middleware makes every waiting
API request hold a thread.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from wsgiref.headers import Headers

from django.conf import settings
from whitenoise import WhiteNoise

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

HASHED_NAME = r"\.[0-9a-f]{12}\."


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
