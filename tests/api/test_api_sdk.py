"""The official SDK against real processes: as it is, with only address and token changed."""

import asyncio
import base64
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest

from tests.faults.studio import Studio, wait_for

pytestmark = pytest.mark.processes
SMALL = {"model": "z-image-turbo", "size": "64x64"}


@pytest.fixture
def client(studio, token) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=token, base_url=f"{studio.address}/v1") as made:
        yield made


@pytest.fixture
def http(studio, token) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=studio.address, headers=headers, trust_env=False) as made:
        yield made


def is_png(data: str | None) -> bool:
    return base64.b64decode(data or "").startswith(b"\x89PNG")


def test_the_sdk_makes_images(client, studio):
    made = client.images.generate(prompt="A cat", n=2, **SMALL)
    assert [is_png(one.b64_json) for one in made.data] == [True, True]
    for one in made.data:
        answer = httpx.get(one.url, trust_env=False)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert abs(made.created - time.time()) < 60


def test_the_raw_response_has_what_was_used(client):
    raw = client.images.with_raw_response.generate(
        prompt="A dog", extra_body={"seed": 7, "steps": 4}, **SMALL
    )
    assert (raw.headers["x-seed"], raw.headers["x-size"]) == ("7", "64x64")
    assert raw.headers["x-price-usd"] == "0.01"
    assert int(raw.headers["x-ratelimit-remaining-requests"]) > 0
    assert is_png(raw.parse().data[0].b64_json)


def test_the_asynchronous_sdk_makes_many_at_once(studio, token):
    async def make() -> list:
        async with openai.AsyncOpenAI(api_key=token, base_url=f"{studio.address}/v1") as client:
            asked = [client.images.generate(prompt=f"Bird {n}", **SMALL) for n in range(12)]
            return await asyncio.gather(*asked)

    made = asyncio.run(make())
    assert len({one.data[0].url.partition("?")[0] for one in made}) == 12


def test_models_are_listed_and_found(client):
    assert "z-image-turbo" in [model.id for model in client.models.list()]
    assert client.models.retrieve("fastest").id == "z-image-turbo"


@pytest.mark.parametrize(
    ("changes", "kind", "code"),
    [
        ({"size": "huge"}, openai.BadRequestError, "invalid_value"),
        ({"model": "dall-e-3"}, openai.NotFoundError, "model_not_found"),
        ({"prompt": "[[422]] a"}, openai.UnprocessableEntityError, "content_policy_violation"),
        ({"prompt": "[[violation]] a"}, openai.BadRequestError, "content_policy_violation"),
        ({"prompt": "[[504]] a"}, openai.InternalServerError, "outcome_unknown"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_error_raises_its_own_class(client, upstream, changes, kind, code):
    with pytest.raises(kind) as caught:
        client.images.generate(**{**SMALL, "prompt": "x", **changes})
    assert caught.value.code == code
    if "prompt" in changes:
        # Not one retry of the SDK reached Venice, nor us.
        assert len(upstream.calls(changes["prompt"])) == 1


def test_a_bad_token_raises_its_own_class(studio):
    bad = openai.OpenAI(api_key="vw_none", base_url=f"{studio.address}/v1")
    with pytest.raises(openai.AuthenticationError):
        bad.images.generate(prompt="x")


def test_a_client_that_gives_up_and_tries_again_pays_once(client, upstream):
    """Its retries join what runs, and one of them gets the answer."""
    patient = client.with_options(timeout=2.0, max_retries=4)
    made = patient.images.generate(prompt="[[slow 4]] joined", **SMALL)
    assert is_png(made.data[0].b64_json)
    assert len(upstream.calls("joined")) == 1


def test_a_client_that_goes_away_finds_it_in_its_history(http, client, upstream, studio):
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.5, max_retries=0).images.generate(
            prompt="[[slow 2]] gone", **SMALL
        )
    table = "generations_generation"
    (row,) = studio.rows(f"select id from {table} where prompt like '%gone'")
    job = f"/v1/generations/{row['id'][:8]}-{row['id'][8:12]}-{row['id'][12:16]}"
    job += f"-{row['id'][16:20]}-{row['id'][20:]}"
    wait_for(lambda: http.get(job).json()["state"] == "succeeded", "it went on")
    made = client.images.generate(prompt="[[slow 2]] gone", **SMALL)
    assert is_png(made.data[0].b64_json)
    assert len(upstream.calls("gone")) == 1


def test_taken_for_later_it_is_found_at_its_location(http):
    answer = http.post(
        "/v1/images/generations",
        json={"prompt": "Later", **SMALL},
        headers={"Prefer": "respond-async"},
    )
    assert answer.status_code == 202
    job = answer.headers["location"]
    wait_for(lambda: http.get(job).json()["state"] == "succeeded", "it is made")


def test_a_wait_that_is_over_says_where_to_look(http):
    body = {"prompt": "[[slow 4]] waits", **SMALL}
    answer = http.post("/v1/images/generations", json=body, headers={"Prefer": "wait=1"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "still_running")
    assert http.get(answer.headers["location"]).json()["state"] in ("queued", "calling")


def threads(studio: Studio) -> int:
    """Of the web process that answers."""
    found = []
    for pid in [*studio.processes("granian"), *studio.processes("multiprocessing")]:
        status = Path(f"/proc/{pid}/status").read_text()
        found.append(int(re.search(r"Threads:\s+(\d+)", status)[1]))
    return sum(found)


def test_who_waits_holds_no_thread(studio, token):
    before = threads(studio)

    async def wait_together() -> list[int]:
        headers = {"Authorization": f"Bearer {token}", "Prefer": "wait=12"}
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(
            base_url=studio.address, headers=headers, limits=limits, timeout=60, trust_env=False
        ) as client:
            bodies = [{"prompt": f"[[slow 30]] {n}", **SMALL} for n in range(60)]
            asked = [client.post("/v1/images/generations", json=body) for body in bodies]
            waiting = asyncio.gather(*asked)
            count = "select count(*) as n from generations_generation where prompt like ?"
            while studio.rows(count, "[[slow 30]]%")[0]["n"] < 60:
                await asyncio.sleep(0.1)
            await asyncio.sleep(1)
            during.append(threads(studio))
            return [answer.status_code for answer in await waiting]

    during: list[int] = []
    assert asyncio.run(wait_together()) == [504] * 60
    assert during[0] <= before + 15


# --- large bodies -------------------------------------------------------------------------------


def exchange(studio: Studio, head: str, *parts: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", studio.port), timeout=10) as wire:
        wire.sendall(head.replace("\n", "\r\n").encode())
        for part in parts:
            wire.sendall(part)
        return wire.recv(4096)


HEAD = """POST {path} HTTP/1.1
Host: 127.0.0.1:{port}
Content-Type: application/json
{length}

"""


@pytest.mark.parametrize("path", ["/v1/images/generations", "/api/v1/images/generations"])
def test_a_body_said_to_be_large_is_refused_unread(studio, path):
    length = f"Content-Length: {100 * 1024 * 1024}"
    head = HEAD.format(path=path, port=studio.port, length=length)
    assert b" 413 " in exchange(studio, head).split(b"\r\n")[0]


def test_a_body_that_grows_large_is_refused_on_the_way(studio):
    length = "Transfer-Encoding: chunked"
    head = HEAD.format(path="/v1/images/generations", port=studio.port, length=length)
    chunk = b"40000\r\n" + b" " * 0x40000 + b"\r\n"
    assert b" 413 " in exchange(studio, head, *[chunk] * 5).split(b"\r\n")[0]


def test_nothing_of_the_token_is_in_the_log(studio, token, http):
    http.get(f"/v1/models?token={token}")
    http.get(f"/v1/{token}")
    assert token not in studio.log
