"""Broken lines, endless bodies, redirects, and where the key must never show."""

from __future__ import annotations

import base64
import gzip
import json
import logging

import brotli
import httpx
import pytest

from generations.venice import body, errors
from generations.venice.types import ImageRequest

from .builders import KEY, PNG

REQUEST = ImageRequest(model="m", prompt="p")
BASE64 = base64.b64encode(PNG).decode()


BREAKS = {
    httpx.ConnectError: errors.NotSent,
    httpx.ConnectTimeout: errors.NotSent,
    httpx.PoolTimeout: errors.NotSent,
    httpx.UnsupportedProtocol: errors.NotSent,
    httpx.ReadTimeout: errors.OutcomeUnknown,
    httpx.ReadError: errors.OutcomeUnknown,
    httpx.WriteTimeout: errors.OutcomeUnknown,
    httpx.WriteError: errors.OutcomeUnknown,
    httpx.CloseError: errors.OutcomeUnknown,
    httpx.RemoteProtocolError: errors.OutcomeUnknown,
    httpx.LocalProtocolError: errors.OutcomeUnknown,
    ConnectionResetError: errors.OutcomeUnknown,
    TimeoutError: errors.OutcomeUnknown,
}


@pytest.mark.parametrize(("trouble", "kind"), BREAKS.items(), ids=lambda kind: kind.__name__)
def test_only_what_never_left_may_be_sent_again(answered, trouble, kind):
    def handle(request):
        raise trouble(f"broke with {KEY}")

    with pytest.raises(errors.VeniceError) as caught:
        answered(handle).generate(REQUEST)
    assert type(caught.value) is kind
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    assert KEY not in str(caught.value)


class Dripping(httpx.SyncByteStream):
    """A body that comes in pieces, and may break; counts what was taken."""

    def __init__(self, pieces, then=None):
        self.pieces, self.then, self.taken = pieces, then, 0

    def __iter__(self):
        for piece in self.pieces:
            self.taken += 1
            yield piece
        if self.then:
            raise self.then


def test_half_a_body_leaves_the_outcome_unknown(answered):
    stream = Dripping([PNG[:9]], then=httpx.RemoteProtocolError("closed early"))
    with pytest.raises(errors.OutcomeUnknown):
        answered(httpx.Response(200, stream=stream)).generate(REQUEST)


def test_a_status_that_says_no_outlives_its_broken_body(answered):
    stream = Dripping([b'{"err'], then=httpx.ReadError("reset"))
    with pytest.raises(errors.Overloaded):
        answered(httpx.Response(503, stream=stream)).generate(REQUEST)


def test_a_dribbling_body_ends_at_the_deadline(answered, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(body.time, "monotonic", lambda: now[0])

    class Dribble(Dripping):
        def __iter__(self):
            for piece in super().__iter__():
                now[0] += 1
                yield piece

    stream = Dribble([b"x"] * 1000)
    with pytest.raises(errors.OutcomeUnknown):
        answered(httpx.Response(200, stream=stream), call_timeout=10).generate(REQUEST)
    assert stream.taken == 11


def test_a_body_that_ends_after_the_deadline_is_not_trusted(answered, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(body.time, "monotonic", lambda: now[0])

    def pieces():
        yield PNG
        now[0] += 11

    response = httpx.Response(200, stream=Dripping(pieces()))
    with pytest.raises(errors.OutcomeUnknown):
        answered(response, call_timeout=10).generate(REQUEST)


def test_reading_stops_at_the_largest_body(answered):
    stream = Dripping([bytes(8 << 20)] * 100)
    with pytest.raises(errors.BadResponse):
        answered(httpx.Response(200, stream=stream)).generate(REQUEST)
    assert stream.taken == 9


@pytest.mark.parametrize(
    ("name", "compress"),
    [("gzip", gzip.compress), ("br", lambda data: brotli.compress(data, quality=1))],
)
def test_compressed_bodies_are_read_and_bounded(answered, name, compress):
    def coded(content, pieces=7):
        packed = compress(content)
        step = max(1, len(packed) // pieces)
        parts = [packed[i : i + step] for i in range(0, len(packed), step)]
        return httpx.Response(200, stream=Dripping(parts), headers={"content-encoding": name})

    text = json.dumps({"images": [BASE64], "padding": "x" * 200_000}).encode()
    assert answered(coded(text)).generate(REQUEST).images == (PNG,)
    exact = PNG + bytes(body.MAX_BODY - len(PNG))
    assert len(answered(coded(exact)).generate(REQUEST).images[0]) == body.MAX_BODY
    with pytest.raises(errors.BadResponse):
        answered(coded(exact + b"\0", pieces=1)).generate(REQUEST)


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd"])
def test_a_body_that_cannot_be_unpacked_was_charged(answered, encoding):
    named = {"content-encoding": encoding}
    response = httpx.Response(200, stream=Dripping([b"never packed"]), headers=named)
    with pytest.raises(errors.BadResponse):
        answered(response).generate(REQUEST)


def test_a_redirect_is_not_followed_and_the_key_stays_home(answered):
    hosts = []

    def handle(request):
        hosts.append(request.url.host)
        return httpx.Response(307, headers={"location": "https://elsewhere.test/take"})

    with pytest.raises(errors.Refused):
        answered(handle).generate(REQUEST)
    assert hosts == ["venice.test"]


def test_no_proxy_of_the_environment_sees_the_key(monkeypatch, answered):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    client = answered(httpx.Response(200, content=PNG))
    assert client._http.trust_env is False
    assert client._http._mounts == {}


def test_the_key_is_neither_shown_nor_logged(answered, caplog):
    caplog.set_level(logging.DEBUG)
    content = {"error": f"Key {KEY} (Bearer {KEY}) is unknown"}
    client = answered(httpx.Response(401, json=content))
    with pytest.raises(errors.BadKey) as caught:
        client.generate(REQUEST)
    shown = [str(caught.value), repr(caught.value), caught.value.public_message, repr(client)]
    assert KEY not in "".join(shown) + caplog.text + repr(vars(caught.value))
    assert "[key]" in str(caught.value)


def test_what_cannot_be_written_as_json_is_never_sent(answered):
    sent = []

    def handle(request):
        sent.append(json.loads(request.content)["prompt"])
        return httpx.Response(200, content=PNG)

    answered(handle).generate(ImageRequest(model="m", prompt="lone \ud800, Venezia è bella"))
    with pytest.raises(errors.Refused):
        answered(handle).generate(ImageRequest(model="m", prompt="p", cfg_scale=float("nan")))
    assert sent == ["lone \ud800, Venezia è bella"]
