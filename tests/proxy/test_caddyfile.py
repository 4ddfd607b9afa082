"""The Caddyfile by itself: what it does with an answer that hands off, and what it lets through."""

import subprocess

import pytest

from tests.faults.studio import wait_for
from tests.proxy.caddy import CADDYFILE, Caddy, environment
from tests.proxy.origin import Origin

pytestmark = pytest.mark.processes

PICTURE = bytes(range(256)) * 40
ETAG = '"0123456789abcdef-original"'
OURS = {
    "Content-Type": "image/png",
    "ETag": ETAG,
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Content-Disposition": 'attachment; filename="a.png"',
}
SIGNED = (
    "/_s3/bucket/ab/cd.png?X-Amz-Credential=K%2F20261120%2Fus-east-1%2Fs3&X-Amz-Signature=0f%2B"
)


def studio_says(path):
    if path.startswith("/file"):
        return 200, {**OURS, "X-Accel-Redirect": "/_files/ab/cd.png"}, b""
    if path.startswith("/object"):
        return 200, {**OURS, "X-Accel-Redirect": SIGNED}, b""
    if path.startswith("/guest"):
        return 200, {"Content-Type": "image/webp", "X-Accel-Redirect": "/_files/ab/cd.png"}, b""
    if path.startswith("/out"):
        return 200, {**OURS, "X-Accel-Redirect": "/_files/../secret"}, b""
    if path.startswith("/gone"):
        return 200, {**OURS, "X-Accel-Redirect": "/_s3/bucket/gone"}, b""
    if path in ("/", "/metrics"):
        return 200, {"Content-Type": "text/html", "Server": "granian"}, b"<p>page</p>" * 200
    return 404, {"Content-Type": "text/plain"}, b"no"


def store_says(path):
    if "gone" in path:
        return 404, {"Content-Type": "application/xml"}, b"<Error>NoSuchKey bucket</Error>"
    theirs = {
        "Content-Type": "binary/octet-stream",
        "ETag": '"md5"',
        "X-Amz-Request-Id": "1",
        "Seaweed-Owner": "x",
    }
    return 200, {**theirs, "Last-Modified": "Fri, 20 Nov 2026 10:00:00 GMT"}, PICTURE


@pytest.fixture(scope="module")
def store():
    origin = Origin(store_says)
    yield origin
    origin.end()


@pytest.fixture(scope="module")
def studio():
    origin = Origin(studio_says)
    yield origin
    origin.end()


@pytest.fixture(scope="module")
def caddy(tmp_path_factory, studio, store):
    folder = tmp_path_factory.mktemp("caddy")
    (folder / "images/ab").mkdir(parents=True)
    (folder / "images/ab/cd.png").write_bytes(PICTURE)
    (folder / "secret").write_text("secret")
    files = str(folder / "images")
    server = Caddy(folder, web=studio.address, store=store.address, files=files)
    yield server
    server.end()


def test_the_caddyfile_is_valid(tmp_path):
    command = ["caddy", "validate", "--adapter", "caddyfile", "--config", str(CADDYFILE)]
    values = environment(tmp_path, VENICEWEB_URL="https://studio.example.com")
    done = subprocess.run(command, env=values, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", ["/file", "/object"])
def test_what_is_handed_off_comes_with_our_headers_alone(caddy, path):
    answer = caddy.http.get(path)
    assert (answer.status_code, answer.content) == (200, PICTURE)
    assert {name: answer.headers.get(name) for name in OURS} == OURS
    for name in (
        "X-Accel-Redirect",
        "Last-Modified",
        "X-Amz-Request-Id",
        "Seaweed-Owner",
        "Server",
    ):
        assert name not in answer.headers
    assert answer.headers["Content-Length"] == str(len(PICTURE))


def test_a_range_of_a_file(caddy):
    answer = caddy.http.get("/file", headers={"Range": "bytes=10-19", "If-Range": ETAG})
    assert (answer.status_code, answer.content) == (206, PICTURE[10:20])
    assert answer.headers["Content-Range"] == f"bytes 10-19/{len(PICTURE)}"
    changed = caddy.http.get("/file", headers={"Range": "bytes=10-19", "If-Range": '"older"'})
    assert (changed.status_code, changed.content) == (200, PICTURE)


def test_what_has_no_etag_gets_none(caddy):
    """Behind a share link each request is asked anew."""
    told = {"If-None-Match": "*", "If-Modified-Since": "Fri, 20 Nov 2099 10:00:00 GMT"}
    answer = caddy.http.get("/guest", headers=told)
    assert (answer.status_code, answer.content) == (200, PICTURE)
    assert answer.headers["Content-Type"] == "image/webp"
    assert not {"ETag", "Last-Modified"} & set(answer.headers)


def test_head_sends_no_bytes(caddy, store):
    for path in ("/file", "/object"):
        answer = caddy.http.head(path)
        assert (answer.status_code, answer.content, answer.headers["ETag"]) == (200, b"", ETAG)
    assert store.asked[-1][0] == "HEAD"


def test_the_store_is_asked_as_it_was_signed_and_told_nothing_of_who_asks(caddy, store):
    store.asked.clear()
    told = {"Authorization": "Bearer vw_secret", "Cookie": "sessionid=secret", "Range": "bytes=0-9"}
    caddy.http.get("/object?download=1", headers={**told, "If-None-Match": ETAG})
    [(method, path, headers)] = store.asked
    assert (method, path) == ("GET", SIGNED.removeprefix("/_s3"))
    assert headers["Host"] == store.address
    assert headers["Range"] == "bytes=0-9"
    assert not {"Authorization", "Cookie", "If-None-Match", "X-Forwarded-Host"} & set(headers)


def test_what_the_store_has_lost_is_a_sentence_of_ours(caddy):
    answer = caddy.http.get("/gone")
    assert answer.status_code == 502
    assert "does not answer right now" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Server" not in answer.headers
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_nothing_outside_the_folder(caddy):
    assert caddy.http.get("/out").status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/_files/ab/cd.png", "//_files/ab/cd.png", "/%5ffiles/ab/cd.png", "/_s3/bucket/ab/cd.png"],
)
def test_nobody_opens_the_inner_paths(caddy, store, path):
    store.asked.clear()
    assert caddy.raw(path) == 404
    said = {"X-Accel-Redirect": "/_files/ab/cd.png"}
    assert caddy.http.get("/", headers=said).text.startswith("<p>page")
    assert store.asked == []


@pytest.mark.parametrize("path", ["/metrics", "//metrics", "/%6detrics", "/METRICS", "/metrics/"])
def test_figures_are_not_for_outside(caddy, studio, path):
    studio.asked.clear()
    assert caddy.raw(path) == 404
    assert studio.asked == []


def test_pages_are_compressed_and_the_studio_learns_who_asks(caddy, studio):
    studio.asked.clear()
    answer = caddy.http.get("/", headers={"X-Forwarded-For": "8.8.8.8", "Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "Server" not in answer.headers
    [(_, _, headers)] = studio.asked
    assert headers["X-Forwarded-For"] == "127.0.0.1"
    assert headers["X-Forwarded-Proto"] == "http"
    assert headers["Host"] == caddy.url.removeprefix("http://")


def test_its_log_tells_no_secret(tmp_path, studio):
    """Not even where somebody turns the access log on."""
    server = Caddy(tmp_path, web=studio.address, logs=True)
    secret = {"Authorization": "Bearer vw_secrettoken", "Referer": "/s/secrettoken/"}
    try:
        for path in ("/s/secrettoken/", "/invite/secrettoken/", "/v1/images/1?sig=secrettoken"):
            server.http.get(path, headers=secret)
        wait_for(lambda: server.process.log.count('"uri"') >= 3, "three lines in the log")
        assert "secrettoken" not in server.process.log
    finally:
        server.end()
