"""A webhook with real processes: made on the page, rung by the worker, checked as /v1/docs says."""

import html
import http.server
import json
import re
import threading

import httpx
import pytest

from tests.api.conftest import token_of
from tests.faults.studio import wait_for

pytestmark = pytest.mark.processes


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.told.append((dict(self.headers), body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def receiver():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.told = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_program_is_told_and_can_check_who_told_it(own_studio, receiver):
    studio, token = own_studio, token_of(own_studio)
    studio.sign_in()
    address = f"http://127.0.0.1:{receiver.server_port}/hook"
    chosen = {"succeeded": "on", "failed": "on", "unknown": "off", "cancelled": "off"}
    page = studio.post("/settings/webhooks/", url=address, **chosen).text
    (secret,) = re.findall(r'value="(whsec_[\w+/=]{44})"', page)
    made = httpx.post(
        f"{studio.address}/v1/images/generations",
        json={"prompt": "Told", "model": "z-image-turbo", "size": "64x64"},
        headers={"Authorization": f"Bearer {token}", "Prefer": "respond-async"},
        trust_env=False,
        timeout=60,
    )
    assert made.status_code == 202
    job = made.json()["id"].encode()

    def message():
        return next((one for one in receiver.told if job in one[1]), None)

    headers, body = wait_for(message, "the end is told", 60)
    told = json.loads(body)
    assert (told["type"], told["id"]) == ("generation.succeeded", made.json()["id"])
    assert httpx.get(told["images"][0]["url"], trust_env=False).status_code == 200
    is_ours = recipe(studio)
    assert is_ours(secret, headers, body)
    assert not is_ours(secret, headers, body + b" ")
    assert not is_ours(secret, {**headers, "webhook-timestamp": "1"}, body)
    wait_for(
        lambda: "Delivered: 204" in studio.http.get("/settings/webhooks/").text,
        "the page says what came of it",
    )
    (pk,) = re.findall(r"/settings/webhooks/([0-9a-f-]{36})/delete/", page)
    studio.post(f"/settings/webhooks/{pk}/delete/")


def recipe(studio):
    """The lines that the page for people gives to those who are told."""
    page = studio.http.get("/v1/docs").text
    (lines,) = re.findall(r"<code>(import base64.*?)</code>", page, re.DOTALL)
    names: dict = {}
    exec(html.unescape(lines), names)
    return names["is_ours"]
