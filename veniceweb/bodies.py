"""Bodies of API requests are small: a large one is refused before it is read.

Django reads a body whole, into a file when it is large, before anybody looks at the request.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST = 1024 * 1024
_CODE = "request_too_large"
_SENTENCE = "The body is larger than 1 MB. Nothing was read of it, and nothing sent."


class _TooLarge(Exception):
    pass


def with_small_bodies(application: Application) -> Application:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or not path.startswith(("/v1/", "/api/")):
            return await application(scope, receive, send)
        if _announced(scope) > MOST:
            return await _refuse(path, send)
        taken = 0

        async def counted() -> dict[str, Any]:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MOST:
                raise _TooLarge
            return message

        try:
            await application(scope, counted, send)
        except _TooLarge:
            await _refuse(path, send)

    return serve


def _announced(scope: Scope) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0


async def _refuse(path: str, send: Send) -> None:
    told: dict[str, Any] = {"error": _SENTENCE, "code": _CODE}
    if path.startswith("/v1/"):
        error = {"message": _SENTENCE, "type": "invalid_request_error", "param": None}
        told = {"error": {**error, "code": _CODE}}
    body = json.dumps(told).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"x-should-retry", b"false"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
