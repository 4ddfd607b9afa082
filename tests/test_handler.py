"""How requests share the threads and connections of a web process."""

import asyncio
from typing import Any

import pytest
from django.db import connection, connections
from django.urls import reverse

from veniceweb import handler


def asked(application: Any, path: str) -> list[dict[str, Any]]:
    """What is sent to somebody who asks for this path."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(application({"type": "http", "method": "GET", "path": path}, None, send))
    return sent


def test_polls_have_threads_of_their_own():
    assert reverse("generation-poll") == handler.POLL
    rooms = [
        handler._threads_for(path)
        for path in ("/", handler.POLL, "/v1/images/generations", "/healthz", "/api/v1/models")
    ]
    assert len({*rooms[:4]}) == 4
    assert rooms[4] is rooms[2]


def test_a_poll_too_many_is_told_that_nothing_is_new():
    pages = handler.PageHandler()
    pages._polling = handler.MOST_POLLS
    start, body = asked(pages, handler.POLL)
    assert (start["status"], body["body"]) == (204, b"")
    assert pages._polling == handler.MOST_POLLS


def test_what_is_worked_on_fits_into_the_pool():
    from veniceweb.env import _POOL

    at_once = handler.PAGES + handler.POLLS + handler.PROGRAMS + handler.WATCHERS
    assert at_once < _POOL["max_size"]


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_a_thread_keeps_no_connection():
    def look() -> bool:
        connection.ensure_connection()
        return connection.is_usable()

    def kept() -> Any:
        return connections["default"].connection

    async def both() -> tuple[bool, Any]:
        return await handler._in(handler._watchers, look), await handler._in(
            handler._watchers, kept
        )

    assert asyncio.run(both()) == (True, None)
