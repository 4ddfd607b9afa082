"""/v1/shares: the same links, under the same rules, as the pages make."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from generations.models import Event, Image, Policy, Share
from generations.models.policy import Who
from generations.services import share as services
from tests.api.test_api_errors import told
from tests.builders import hold, make_collection, make_image, make_share

pytestmark = pytest.mark.django_db
URL = "/v1/shares"
ID = str(uuid.UUID(int=7))


@pytest.fixture
def sharer(program, alice):
    return program(alice, scopes=["share"])


def test_a_link_is_made_opens_and_ends(sharer, alice, client):
    image = make_image(alice)
    body = {
        "images": [str(image.pk)],
        "expires": 3,
        "download": True,
        "label": "Rosa",
        "title": "T",
    }
    made = sharer.post(URL, body)
    assert made.status_code == 201, made.content
    share = made.json()
    assert (share["object"], share["state"], share["images"]) == ("share", "working", 1)
    assert (share["download"], share["show_prompt"], share["has_password"]) == (True, False, False)
    path = share["url"].partition("//")[2].partition("/")[2]
    assert str(image.pk) in client.get(f"/{path}").content.decode()
    assert Event.objects.filter(action="share.made").count() == 1

    ended = sharer._http.delete(f"{URL}/{share['id']}", headers=sharer.headers)
    assert (ended.status_code, ended.json()["state"], ended.json()["url"]) == (200, "ended", None)
    assert client.get(f"/{path}").status_code == 404
    again = sharer._http.delete(f"{URL}/{share['id']}", headers=sharer.headers)
    assert (again.status_code, Event.objects.filter(action="share.revoked").count()) == (200, 1)


def test_without_days_it_works_as_long_as_the_team_has_it(sharer, alice):
    assert sharer.post(URL, {"images": [str(make_image(alice).pk)]}).status_code == 201
    days = Policy().share_days
    assert Share.objects.get().expires_at.date() == (timezone.now() + timedelta(days=days)).date()


def test_a_collection_is_shared_as_it_is_at_each_visit(sharer, alice):
    book = make_collection(alice, images=[make_image(alice)])
    share = sharer.post(URL, {"collection": str(book.pk)}).json()
    assert (share["collection"], share["images"]) == (str(book.pk), None)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({}, "images"),
        ({"images": []}, "images"),
        ({"images": ["x"]}, "images"),
        ({"images": [ID], "collection": ID}, "images"),
        ({"images": [ID], "expires": 0}, "expires"),
        ({"images": [ID], "expires": "7"}, "expires"),
        ({"images": [ID], "password": "abc"}, "password"),
        ({"images": [ID], "label": "x" * 81}, "label"),
        ({"images": [ID], "colour": "red"}, "colour"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(sharer, change, param):
    response = sharer.post(URL, change)
    assert told(response)[0] == 400
    assert response.json()["error"]["param"] == param
    assert not Share.objects.exists()


def test_what_somebody_may_not_see_is_not_there(sharer, alice, bob):
    hidden = [make_image(bob, visibility="private"), make_image(alice, state=Image.State.HELD)]
    hold(held := make_image(alice))
    gone = make_image(alice, deleted_at=timezone.now())
    for image in (*hidden, held, gone):
        response = sharer.post(URL, {"images": [str(make_image(alice).pk), str(image.pk)]})
        assert told(response) == (404, "invalid_request_error", "not_found")
    private = make_collection(bob, visibility="private")
    assert told(sharer.post(URL, {"collection": str(private.pk)}))[0] == 404
    assert not Share.objects.exists()


def test_the_policy_holds_here_too(sharer, alice):
    Policy.objects.create(pk=1, share_days=5, share_most_days=5, share_needs_password=True)
    body = {"images": [str(make_image(alice).pk)]}
    assert sharer.post(URL, body).json()["error"]["param"] == "password"
    body |= {"password": "a secret", "expires": 6}
    assert sharer.post(URL, body).json()["error"]["param"] == "expires"
    assert sharer.post(URL, {**body, "expires": 5}).status_code == 201
    assert "secret" not in sharer.get(URL).content.decode()
    Policy.objects.update(sharing_for=Who.ADMINS)
    assert told(sharer.post(URL, body)) == (403, "permission_error", "not_allowed")


def test_the_list_has_ones_own_page_by_page(sharer, alice, bob):
    image = make_image(alice)
    mine = [make_share(alice, images=[image])[0] for _ in range(3)]
    theirs, _ = make_share(bob, images=[image])
    services.revoke(Share.objects.filter(pk=mine[0].pk), by=alice)
    listed = sharer.get(f"{URL}?limit=2").json()
    rest = sharer.get(listed["next"].partition("//testserver")[2]).json()
    assert rest["next"] is None
    found = [share["id"] for share in (*listed["data"], *rest["data"])]
    assert found == [str(share.pk) for share in reversed(mine)]
    working = sharer.get(f"{URL}?state=working").json()["data"]
    assert [share["id"] for share in working] == [str(mine[2].pk), str(mine[1].pk)]
    assert [s["id"] for s in sharer.get(f"{URL}?state=ended").json()["data"]] == [str(mine[0].pk)]
    for query in ("state=x", "limit=0", "after=x", "colour=red"):
        assert sharer.get(f"{URL}?{query}").status_code == 400
    response = sharer._http.delete(f"{URL}/{theirs.pk}", headers=sharer.headers)
    assert response.status_code == 404
    theirs.refresh_from_db()
    assert theirs.revoked_at is None


def test_one_and_two_links_take_the_same_queries(sharer, alice):
    counts = []
    for _ in range(2):
        make_share(alice, images=[make_image(alice)])
        sharer.get(URL)
        with CaptureQueriesContext(connection) as made:
            assert sharer.get(URL).status_code == 200
        counts.append(len(made))
    assert counts[0] == counts[1] <= 3
