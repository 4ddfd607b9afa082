"""The stand-in on a real socket: what only a real connection can show."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from generations.venice import errors
from generations.venice.client import VeniceClient
from generations.venice.standin import StandIn, serve
from generations.venice.types import ApiKey

from .builders import KEY


@pytest.fixture(scope="module")
def app():
    return StandIn(latency=0, requests_per_minute=10_000)


@pytest.fixture(scope="module")
def address(app):
    server = serve(app)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/api/v1"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def live(address):
    with VeniceClient(ApiKey(KEY), base_url=address, call_timeout=20) as client:
        yield client


def test_images_come_over_a_kept_connection(live, request_for):
    assert live.generate(request_for()).images
    assert len(live.generate(request_for(variants=3)).images) == 3
    assert live.models()
    assert live.styles()


@pytest.mark.parametrize(("marker", "charged"), [("before", 0), ("inside", 1), ("after", 1)])
@pytest.mark.parametrize("variants", [1, 2])
def test_a_cut_line_leaves_the_outcome_unknown(live, app, request_for, marker, charged, variants):
    prompt = f"{variants} boats [[cut-{marker}]]"
    with pytest.raises(errors.OutcomeUnknown):
        live.generate(request_for(prompt, variants=variants))
    assert app.paid_calls(prompt) == charged
    assert live.generate(request_for()).images


def test_silence_ends_at_the_call_timeout(address, request_for):
    client = VeniceClient(ApiKey(KEY), base_url=address, call_timeout=0.3)
    with client, pytest.raises(errors.OutcomeUnknown) as caught:
        client.generate(request_for("a boat [[hang]]"))
    assert "ReadTimeout" in str(caught.value)


@pytest.fixture
def dribbler():
    """A server that answers with one byte every 20 ms, for ever: in its head, or in its body."""
    listener, ended = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def answer(begin):
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(begin)
            while not ended.wait(0.02):
                connection.sendall(b"x")

    def start(begin):
        threading.Thread(target=answer, args=(begin,), daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    ended.set()
    listener.close()


@pytest.mark.parametrize(
    "begin", [b"HTTP/1.1 200 OK\r\nx-long: ", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["head", "body"]
)
def test_a_dribbling_server_is_cut_off(dribbler, request_for, begin):
    client = VeniceClient(ApiKey(KEY), base_url=dribbler(begin), call_timeout=0.3)
    started = time.monotonic()
    with client, pytest.raises(errors.OutcomeUnknown):
        client.generate(request_for())
    assert 0.29 < time.monotonic() - started < 3


def test_a_connection_outlives_the_calls_that_used_it_well(live, request_for, caplog):
    caplog.set_level(logging.DEBUG, logger="httpcore.connection")
    for seed in range(5):
        live.generate(request_for(seed=seed))
    opened = [r for r in caplog.records if "connect_tcp.started" in r.getMessage()]
    assert len(opened) == 1


def test_a_closed_port_was_never_reached(request_for):
    server = serve(StandIn())
    port = server.server_port
    server.server_close()
    with VeniceClient(ApiKey(KEY), base_url=f"http://127.0.0.1:{port}") as client:
        with pytest.raises(errors.NotSent):
            client.generate(request_for())
        with pytest.raises(errors.NotSent):
            client.models()


def test_sixty_four_calls_run_side_by_side(address):
    """Each call waits inside the server until all 64 are there."""
    barrier = threading.Barrier(64)
    app = StandIn(latency=0.001, requests_per_minute=64, sleep=lambda seconds: barrier.wait(15) * 0)
    server = serve(app)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    body = {"model": "z-image-turbo", "prompt": "x", "width": 16, "height": 16, "seed": 1}
    named = {"authorization": "Bearer k"}

    def call(_):
        url = f"http://127.0.0.1:{server.server_port}/image/generate"
        return httpx.post(url, json=body, headers=named, timeout=15, verify=False).status_code

    with ThreadPoolExecutor(64) as pool:
        assert list(pool.map(call, range(64))) == [200] * 64
    server.shutdown()
    server.server_close()
    assert app.paid_calls() == 64


def test_neither_side_logs_the_key(live, request_for, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    live.generate(request_for())
    with pytest.raises(errors.BadKey) as caught:
        live.generate(request_for("x [[401]]"))
    told = capfd.readouterr()
    assert KEY not in caplog.text + told.out + told.err + str(caught.value)
    assert caplog.records
