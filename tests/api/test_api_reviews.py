"""/v1/reviews: what waits, and deciding it, as at the desk; never a picture."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from generations.models import Decision, Image, User
from tests.api.test_api_errors import told
from tests.builders import hold, make_generation, make_image

pytestmark = pytest.mark.django_db
URL = "/v1/reviews"


@pytest.fixture
def desk(program, rosa):
    return program(rosa, scopes=["review"])


def held(user, prompt="A bridge") -> Image:
    image = make_image(user, generation=make_generation(user, prompt=prompt))
    hold(image)
    return image


def test_what_waits_is_listed_oldest_first_and_no_file_with_it(desk, alice, settings):
    images = [held(alice, f"Number {number}") for number in range(3)]
    listed = desk.get(f"{URL}?limit=2").json()
    rest = desk.get(listed["next"].partition("//testserver")[2]).json()
    found = [*listed["data"], *rest["data"]]
    assert [one["id"] for one in found] == [str(image.pk) for image in images]
    assert rest["next"] is None
    assert found[0]["prompt"] == "Number 0"
    assert found[0]["page"] == f"{settings.PUBLIC_URL.rstrip('/')}/review/{images[0].pk}/"
    text = desk.get(URL).content.decode()
    assert not any(part in text for part in ("/original", "/w512", "/w1024", "/v1/images"))


@pytest.mark.parametrize(
    ("asked", "state"),
    [
        ({"decision": "approve"}, "shown"),
        ({"decision": "reject", "reason": "rights", "note": "A logo"}, "rejected"),
    ],
)
def test_a_decision_is_one(desk, alice, rosa, asked, state):
    image = held(alice)
    response = desk.post(f"{URL}/{image.pk}", asked)
    assert response.status_code == 200, response.content
    made = Decision.objects.get()
    assert (made.reviewer, made.kind, made.note) == (rosa, asked["decision"], asked.get("note", ""))
    assert response.json()["image"] == str(image.pk)
    image.refresh_from_db()
    assert image.state == state
    again = desk.post(f"{URL}/{image.pk}", asked)
    assert told(again) == (409, "invalid_request_error", "not_decidable")


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({}, "decision"),
        ({"decision": "maybe"}, "decision"),
        ({"decision": "reject"}, "reason"),
        ({"decision": "reject", "reason": "ugly"}, "reason"),
        ({"decision": "reject", "reason": "other"}, "note"),
        ({"decision": "approve", "note": "x" * 10_000}, "note"),
        ({"decision": "approve", "note": "\x00"}, "note"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(desk, alice, asked, param):
    response = desk.post(f"{URL}/{held(alice).pk}", asked)
    assert told(response)[0] == 400
    assert response.json()["error"]["param"] == param
    assert not Decision.objects.exists()


def test_ones_own_waits_for_another(desk, rosa, ada):
    image = held(rosa)
    assert desk.get(URL).json()["data"] == []
    assert told(desk.post(f"{URL}/{image.pk}", {"decision": "approve"}))[0] == 409


def test_what_is_locked_away_stays_so(desk, alice):
    image = held(alice)
    Image.objects.filter(pk=image.pk).update(state="locked", has_minor=True)
    assert told(desk.post(f"{URL}/{image.pk}", {"decision": "approve"}))[0] == 409
    image.refresh_from_db()
    assert image.state == Image.State.LOCKED


def test_what_does_not_wait_is_not_there(desk, alice):
    for pk in (uuid.uuid4(), make_image(alice).pk):
        assert told(desk.post(f"{URL}/{pk}", {"decision": "approve"}))[0] == 404
        assert desk.get(f"{URL}?after={pk}").status_code == 404
    assert desk.get(f"{URL}?after=x").status_code == 400


def test_whoever_is_no_reviewer_any_more_decides_nothing(desk, alice, rosa):
    image = held(alice)
    User.objects.filter(pk=rosa.pk).update(role=User.Role.MEMBER)
    for response in (desk.get(URL), desk.post(f"{URL}/{image.pk}", {"decision": "approve"})):
        assert told(response) == (403, "permission_error", "not_allowed")
    assert not Decision.objects.exists()


def test_one_and_two_take_the_same_queries(desk, alice):
    counts = []
    for _ in range(2):
        held(alice)
        desk.get(URL)
        with CaptureQueriesContext(connection) as made:
            desk.get(URL)
        counts.append(len(made))
    assert counts[0] == counts[1] <= 4
