"""The ASGI application: static files first, then Django."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from weakref import WeakKeyDictionary

import django
from asgiref.sync import SyncToAsync, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.db import connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "veniceweb.settings")
django.setup(set_prefix=False)

from veniceweb.bodies import with_small_bodies  # noqa: E402  (needs the settings)
from veniceweb.static import with_static_files  # noqa: E402

# Requests of programs that are worked on at once. They come in bursts of hundreds: each in a thread
# of its own they would lock each other out of the database, and pages with them.
AT_ONCE = 6
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


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

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith(("/v1/", "/api/")):
            return await sync_to_async(self.get_response)(request)
        if (turn := _turn()).locked():
            _let_go_of_the_thread()
        async with turn:
            response = await sync_to_async(self._first)(request)
        if not hasattr(response, "finish"):
            return response
        _let_go_of_the_thread()
        is_over = await response.wait()
        async with turn:
            return await sync_to_async(_finished)(response, is_over)

    def _first(self, request: HttpRequest) -> Any:
        response = self.get_response(request)
        if hasattr(response, "finish"):
            connections.close_all()
        return response


def _turn() -> asyncio.Semaphore:
    return _turns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE))


def _let_go_of_the_thread() -> None:
    """Django's own context keeps one for each request until that ends; this takes it away early,
    and the next call makes a new one."""
    context = SyncToAsync.thread_sensitive_context.get(None)
    executor = SyncToAsync.context_to_thread_executor.pop(context, None) if context else None
    if executor is not None:
        executor.shutdown(wait=False)


def _finished(waited: Any, is_over: bool) -> HttpResponseBase:
    """The real response, with what the middleware wrote on the one that was waited for."""
    response: HttpResponseBase = waited.finish(is_over)
    for name, value in waited.items():
        if name not in ("Content-Type", "Content-Length"):
            response.headers.setdefault(name, value)
    return response


# By its name: this only wires. In a thread, for the server's loop may run already.
with ThreadPoolExecutor(1) as _thread:
    _check = "generations.services.installation.require_readable_secrets_at_start"
    _thread.submit(import_string(_check)).result()

application = with_static_files(with_small_bodies(PageHandler()))  # type: ignore[arg-type]
