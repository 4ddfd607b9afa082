"""The sign-up page: closed unless the policy opens it, and alike for every address."""

import re

import pytest

from generations.models import Policy, User
from tests.builders import PASSWORD

pytestmark = pytest.mark.django_db
URL = "/accounts/signup/"
NEW = {"email": "new@example.com", "name": "Nina", "password1": PASSWORD}


@pytest.fixture
def is_open(db):
    Policy.objects.create(is_signup_open=True)


def plain(response):
    return re.sub(rb'value="\w{64}"', b"", response.content)


def test_it_is_closed(client):
    for response in (client.get(URL), client.post(URL, NEW)):
        assert "By invitation only" in response.content.decode()
    assert not User.objects.exists()
    assert b"Create an account" not in client.get("/accounts/login/").content
    assert client.get(f"{URL}x.y.z/").status_code == 404


def test_it_is_offered_when_it_is_open(client, is_open):
    assert b"Create an account" in client.get("/accounts/login/").content
    assert client.get(URL).status_code == 200


def test_without_mail_the_account_is_there_at_once(client, is_open):
    response = client.post(URL, {"email": "new@example.com", "password1": PASSWORD})
    assert (response.status_code, response["Location"]) == (303, "/accounts/login/")
    assert User.objects.get().role == "member"
    client.post("/accounts/login/", {"login": "new@example.com", "password": PASSWORD})
    assert client.get("/settings/").status_code == 200


@pytest.mark.parametrize("has_email", [True, False])
def test_known_and_unknown_answer_alike(client, is_open, alice, settings, has_email):
    settings.HAS_EMAIL = has_email
    answers = set()
    for email in (alice.email, "ALICE@example.com", "new@example.com"):
        response = client.post(URL, NEW | {"email": email})
        answers.add((response.status_code, response.get("Location"), plain(response)))
        client.get("/accounts/login/")  # reads the message
    assert len(answers) == 1
    assert User.objects.get(pk=alice.pk).password == alice.password


def test_with_mail_its_link_makes_the_account(client, is_open, settings, mailoutbox):
    settings.HAS_EMAIL = True
    assert client.post(URL, NEW).status_code == 200
    assert not User.objects.exists()
    path = re.search(r"https?://[^/]+(/accounts/signup/\S+/)", mailoutbox[0].body)[1]
    page = client.get(path)
    assert "new@example.com" in page.content.decode()
    assert page["Referrer-Policy"] == "no-referrer"
    assert client.post(path, {"name": "", "password": PASSWORD}).status_code == 422
    assert client.post(path, {"name": "Nina", "password": "short"}).status_code == 422
    assert client.post(path, {"name": "Nina", "password": PASSWORD}).status_code == 302
    assert client.get("/settings/").status_code == 200
    assert User.objects.get().role == "member"
    client.logout()
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": ""}, "email"),
        ({"email": "nobody"}, "email"),
        ({"email": "a\0@example.com"}, "email"),
        ({"password1": "short"}, "password1"),
        ({"password1": ""}, "password1"),
        ({"name": "x" * 81}, "name"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(client, is_open, change, field):
    response = client.post(URL, NEW | change)
    assert response.status_code == 422
    assert f'id="{field}-error"' in response.content.decode()
    assert not User.objects.exists()


def test_a_role_is_not_taken_along(client, is_open):
    client.post(URL, NEW | {"role": "admin", "is_active": "on"})
    assert User.objects.get().role == "member"


def test_one_network_signs_up_so_often(client, is_open):
    statuses = [
        client.post(URL, NEW | {"email": f"n{n}@example.com"}).status_code for n in range(21)
    ]
    assert statuses == [303] * 20 + [429]


def test_who_is_signed_in_goes_to_the_studio(alice, is_open, sign_in):
    assert sign_in(alice).get(URL)["Location"] == "/"
