"""Builders for the Venice layer: a client before one canned answer, and one before the stand-in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from generations.venice.client import VeniceClient
from generations.venice.standin import StandIn
from generations.venice.types import ApiKey, ImageRequest

from .builders import BASE_URL, KEY, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def request_for() -> Callable[..., ImageRequest]:
    def build(prompt: str = "a quiet harbour", **fields: Any) -> ImageRequest:
        small = {"width": 64, "height": 64} if "aspect_ratio" not in fields else {}
        return ImageRequest(**{"model": "z-image-turbo", "prompt": prompt, **small, **fields})

    return build


@pytest.fixture
def answered() -> Iterator[Callable[..., VeniceClient]]:
    """A client whose every request is answered by a handler or one fixed answer."""
    made: list[VeniceClient] = []

    def build(
        handler: Callable[[httpx.Request], httpx.Response] | httpx.Response, **options: Any
    ) -> VeniceClient:
        answer = handler if callable(handler) else lambda request: handler
        transport = httpx.MockTransport(answer)
        made.append(VeniceClient(ApiKey(KEY), base_url=BASE_URL, transport=transport, **options))
        return made[-1]

    yield build
    for client in made:
        client.close()


@pytest.fixture
def standin(clock: Clock) -> StandIn:
    return StandIn(latency=0, requests_per_minute=500, clock=clock, sleep=clock.sleep)


@pytest.fixture
def venice(standin: StandIn) -> Iterator[VeniceClient]:
    with VeniceClient(
        ApiKey(KEY), base_url=BASE_URL, transport=httpx.WSGITransport(app=standin)
    ) as client:
        yield client


@pytest.fixture
def post(standin: StandIn) -> Iterator[Callable[..., httpx.Response]]:
    """A raw POST to the stand-in, for bodies that our client would never send."""
    with httpx.Client(
        transport=httpx.WSGITransport(app=standin),
        base_url="http://standin/api/v1",
        headers={"authorization": f"Bearer {KEY}"},
    ) as http:

        def send(path: str = "/image/generate", **options: Any) -> httpx.Response:
            return http.post(path, **options)

        yield send
