"""A real studio behind a real Caddy, as on a server: one proxy in front, files on disk."""

import shutil
from urllib.parse import urlsplit

import httpx
import pytest

from tests.faults.studio import ADMIN, PASSWORD, Studio
from tests.proxy.caddy import Caddy
from veniceweb import env

pytestmark = pytest.mark.processes

# Where this version can hand files off, Caddy sends them.
HANDS_OFF = {"VENICEWEB_HAND_OFF": "accel"} if "VENICEWEB_HAND_OFF" in env.VARIABLES else {}


@pytest.fixture(scope="module")
def behind(tmp_path_factory, upstream, used):
    folder = tmp_path_factory.mktemp("behind")
    data = shutil.copytree(used, folder / "data")
    studio = Studio(data, upstream, VENICEWEB_PROXIES="1", **HANDS_OFF)
    caddy = Caddy(folder, web=urlsplit(studio.address).netloc, files=str(data / "images"))
    studio.environment["VENICEWEB_URL"] = caddy.url
    with studio:
        studio.direct, studio.http = studio.http, caddy.http
        studio.sign_in()
        yield studio
        studio.direct.close()
    caddy.end()


@pytest.fixture(scope="module")
def image(behind):
    job = behind.submit("A stone bridge")
    behind.wait_for_state(job, "succeeded")
    return behind.image_of(job)


def test_pages_and_static_files(behind):
    page = behind.http.get("/gallery/")
    assert page.status_code == 200
    assert "<title>" in page.text
    style = next(part for part in page.text.split('"') if part.endswith(".css"))
    assert "immutable" in behind.http.get(style).headers["Cache-Control"]


def test_a_file_a_part_of_it_and_nothing_new(behind, image):
    path = f"/images/{image}/original"
    whole = behind.http.get(path)
    assert (whole.status_code, whole.content[8:12]) == (200, b"WEBP")
    assert whole.headers["Cache-Control"] == "private, no-cache"
    assert "sandbox" in whole.headers["Content-Security-Policy"]
    etag = whole.headers["ETag"]
    part = behind.http.get(path, headers={"Range": "bytes=8-11", "If-Range": etag})
    assert (part.status_code, part.content) == (206, b"WEBP")
    again = behind.http.get(path, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    saved = behind.http.get(f"{path}?download=1")
    assert saved.content == whole.content
    assert saved.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.skipif(not HANDS_OFF, reason="this version sends files itself")
def test_caddy_sends_the_bytes(behind, image):
    path, cookies = f"/images/{image}/original", behind.http.cookies
    told = {
        "Host": urlsplit(str(behind.http.base_url)).netloc,
        "X-Forwarded-For": "127.0.0.1",
        "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
    }
    answer = behind.direct.get(path, headers=told)
    assert answer.content == b""
    inner = answer.headers["X-Accel-Redirect"]
    assert inner.startswith("/_files/")
    assert behind.http.get(inner).status_code == 404


def test_nobody_without_the_right_gets_a_file(behind, image):
    with httpx.Client(base_url=behind.http.base_url, trust_env=False) as stranger:
        assert stranger.get(f"/images/{image}/original").status_code in (302, 404)
        assert stranger.get("/readyz").status_code == 200
        assert stranger.get("/metrics").status_code == 404


def test_a_revoked_link_ends_at_once(behind, image):
    """Also for the picture that was looked at a moment ago."""
    answer = behind.post("/shares/", images=image, expires="7", download="on")
    share = answer.headers["location"]
    link = next(
        part for part in behind.http.get(share).text.split('"') if "/s/" in part and "http" in part
    )
    with httpx.Client(trust_env=False) as guest:
        picture = f"{link}images/{image}/w512"
        assert guest.get(picture).content[8:12] == b"WEBP"
        assert behind.post(f"{urlsplit(share).path}revoke/").status_code in (302, 303)
        assert guest.get(picture).status_code == 404
        assert guest.get(link).status_code == 404


def test_who_asks_is_who_caddy_saw(behind):
    """What somebody writes into X-Forwarded-For themselves is not believed."""
    with httpx.Client(base_url=behind.http.base_url, trust_env=False) as stranger:
        stranger.headers["X-Forwarded-For"] = "8.8.8.8"
        stranger.get("/accounts/login/")
        fields = {"login": ADMIN, "password": PASSWORD}
        token = stranger.cookies["csrftoken"]
        stranger.post("/accounts/login/", data={"csrfmiddlewaretoken": token, **fields})
        sessions = stranger.get("/settings/security/").text
    assert "127.0.0.1" in sessions
    assert "8.8.8.8" not in sessions
