"""Django's ASGI handler on a few threads, for pages that ask often and programs that wait long."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from django.core.handlers.asgi import ASGIHandler
from django.db import connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase

# Requests that are worked on at once; the others wait, in the order in which they came, and hold
# nothing. Django gives each a thread of its own: two thousand open pages that asked in one moment
# were two thousand threads in front of twenty connections to the database, and errors (2026-11). No
# kind stands in another's way: neither bursts of programs nor open pages that ask whether something
# is new keep a person waiting, nor either of those who ask whether we live. Together fewer than a
# process has connections, so that nobody waits for one.
PAGES, POLLS, PROGRAMS, WATCHERS = 8, 3, 6, 2
_pages = ThreadPoolExecutor(PAGES, "pages")
_polls = ThreadPoolExecutor(POLLS, "polls")
_programs = ThreadPoolExecutor(PROGRAMS, "programs")
_watchers = ThreadPoolExecutor(WATCHERS, "watchers")

# A page that is open asks here every few seconds. When so many wait already, the next is told that
# nothing is new: true or not, it asks again soon, and everybody else is answered in time.
POLL, MOST_POLLS = "/generations/poll/", 50
_LATER = {"type": "http.response.start", "status": 204, "headers": [(b"x-later", b"1")]}


class PageHandler(ASGIHandler):
    """Django's handler with its middleware as one synchronous chain, in one thread.

    Pages are synchronous views. Django's own chain hops between the loop and a thread at every
    middleware: a quarter more CPU for a poll that finds nothing (12.8 instead of 10.3 ms on a busy
    machine, 2026-11).

    A view may answer with something that has to be waited for: a response with `wait`, a
    coroutine function, and `finish`, which then makes the real response. Meanwhile the request
    holds neither a thread nor a connection to the database.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    _polling = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        # Without the context in which Django keeps a thread for each request.
        if scope["type"] != "http":
            raise ValueError("Only HTTP is served.")
        if scope["path"] != POLL:
            await self.handle(scope, receive, send)
        elif self._polling >= MOST_POLLS:
            await send(_LATER)
            await send({"type": "http.response.body", "body": b""})
        else:
            await self._poll(scope, receive, send)

    async def _poll(self, scope: Any, receive: Any, send: Any) -> None:
        self._polling += 1
        try:
            await self.handle(scope, receive, send)
        finally:
            self._polling -= 1

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        threads = _threads_for(request.path)
        response = await _in(threads, self.get_response, request)
        if not hasattr(response, "finish"):
            return response
        is_over = await response.wait()
        return await _in(threads, _finished, response, is_over)


def _threads_for(path: str) -> ThreadPoolExecutor:
    if path.startswith(("/v1/", "/api/")):
        return _programs
    if path == POLL:
        return _polls
    return _watchers if path in ("/healthz", "/readyz", "/metrics") else _pages


async def _in(threads: ThreadPoolExecutor, work: Callable[..., Any], *args: Any) -> Any:
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(threads, copy_context().run, _without_traces, work, *args)


def _without_traces(work: Callable[..., Any], *args: Any) -> Any:
    """Gives the connection back before the answer is sent: a slow client, or an archive that takes
    an hour, must not hold one."""
    try:
        return work(*args)
    finally:
        connections.close_all()


def _finished(waited: Any, is_over: bool) -> HttpResponseBase:
    """The real response, with what the middleware wrote on the one that was waited for."""
    response: HttpResponseBase = waited.finish(is_over)
    for name, value in waited.items():
        if name not in ("Content-Type", "Content-Length"):
            response.headers.setdefault(name, value)
    return response
