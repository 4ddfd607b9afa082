"""Two web processes on one PostgreSQL and one Redis: what one of them is told holds at the other
on its next request."""

import re
import socket
from collections.abc import Iterator

import httpx
import pytest

from tests.drills import servers
from tests.drills.fleet import LIMITED, Browser, Fleet, make_folder, remove_folder
from tests.faults.studio import SMALL

pytestmark = pytest.mark.processes

# More than granian's own limit of open connections, which counts idle ones.
MANY = 1100


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    if lacking := servers.missing():
        pytest.skip(f"this machine has no {' and no '.join(lacking)}")
    folder = make_folder(None)
    fleet = Fleet(folder, webs=2, workers=1)
    yield fleet
    fleet.end()
    remove_folder(folder)


@pytest.fixture
def at_second(fleet) -> Iterator[Browser]:
    """A member who is signed in at the second web process; at the first it is `fleet.limited`."""
    browser = Browser(str(fleet.webs[1].http.base_url))
    browser.sign_in(LIMITED)
    yield browser
    browser.http.close()


def elsewhere(browser: Browser, other: Browser) -> Browser:
    """The same browser at another web process, as behind a balancer."""
    moved = Browser(str(other.http.base_url))
    moved.http.cookies.update(browser.http.cookies)
    return moved


def test_guesses_are_counted_together(fleet):
    strangers = [Browser(str(web.http.base_url)) for web in fleet.webs]
    answers = []
    for number in range(6):
        stranger = strangers[number % 2]
        stranger.http.get("/accounts/login/")
        given = {"login": "nobody@example.com", "password": f"no{number}"}
        answers.append(stranger.post("/accounts/login/", **given).status_code)
    assert answers == [200] * 5 + [429]
    for stranger in strangers:
        stranger.http.close()


def test_a_session_that_ended_at_one_is_over_at_the_other(fleet):
    first = Browser(str(fleet.webs[0].http.base_url))
    first.sign_in(LIMITED)
    second = elsewhere(first, fleet.webs[1])
    assert second.http.get("/settings/").status_code == 200
    first.post("/accounts/logout/")
    assert second.http.get("/settings/").status_code == 302
    for browser in (first, second):
        browser.http.close()


def test_all_sessions_ended_at_one_are_over_at_the_other(fleet, at_second):
    assert at_second.http.get("/settings/").status_code == 200
    page = fleet.webs[0].http.get("/team/").text
    person = next(
        pk
        for pk in re.findall(r"/team/people/(\d+)/", page)
        if LIMITED in fleet.webs[0].http.get(f"/team/people/{pk}/").text
    )
    assert fleet.webs[0].post(f"/team/people/{person}/sessions/").status_code in (302, 303)
    assert at_second.http.get("/settings/").status_code == 302
    fleet.limited.sign_in(LIMITED)


def test_a_token_that_was_revoked_at_one_is_refused_at_the_other(fleet):
    made = fleet.webs[0].post("/settings/tokens/", name="script", read="on")
    text = re.search(r"vw_[\w-]{40,}", made.text)
    assert text, made.text
    asked = {"headers": {"Authorization": f"Bearer {text[0]}"}}
    with httpx.Client(base_url=fleet.webs[1].http.base_url, trust_env=False) as program:
        assert program.get("/v1/generations", **asked).status_code == 200
        revoke = re.search(r"/settings/tokens/[0-9a-f-]{36}/revoke/", made.text)
        assert revoke
        fleet.webs[0].post(revoke[0])
        assert program.get("/v1/generations", **asked).status_code == 401


def test_a_policy_that_was_changed_at_one_is_obeyed_at_the_other(fleet, at_second):
    assert at_second.post("/generations/", **SMALL, prompt="A zeppelin").status_code in (302, 303)
    page = fleet.webs[0].http.get("/team/policy/").text
    seen = re.search(r'name="seen" value="([^"]*)"', page)
    assert seen, page
    saved = fleet.webs[0].post("/team/policy/", seen=seen[1], blocked_terms="zeppelin")
    assert saved.status_code == 303, saved.text
    assert at_second.post("/generations/", **SMALL, prompt="A zeppelin").status_code == 422


def test_an_image_that_was_reported_at_one_is_gone_from_the_other(fleet, at_second):
    job = fleet.webs[0].submit("A bridge")
    fleet.wait_for_states("A", "succeeded", "failed")
    rows = fleet.rows("select id from generations_image where generation_id = %s", job)
    image = f"/images/{rows[0]['id']}/"
    assert at_second.http.get(f"{image}w512").status_code == 200
    assert fleet.limited.post(f"{image}report/", reason="other", words="no").status_code == 303
    assert at_second.http.get(f"{image}w512").status_code == 404
    assert at_second.http.get(image).status_code == 404


def test_many_idle_connections_keep_nobody_out(fleet):
    url = fleet.webs[0].http.base_url
    idle = [socket.create_connection((url.host, url.port)) for _ in range(MANY)]
    try:
        answer = httpx.get(url.join("/healthz"), trust_env=False, timeout=20)
        assert answer.status_code == 200
    finally:
        for connection in idle:
            connection.close()
