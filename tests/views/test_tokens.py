"""My API tokens: making one, seeing it once, revoking it."""

import re

import pytest
from django.urls import reverse

from generations.models import ApiToken
from generations.services import token as tokens
from tests.builders import make_generation

pytestmark = pytest.mark.django_db
PATH = "/settings/tokens/"
FORM = {"name": "Night batch", "generate": "on", "read": "on"}


def make(user, name="Script"):
    return tokens.create(user, name=name, scopes=["generate"])


def test_a_token_is_shown_once(alice, sign_in):
    client = sign_in(alice)
    page = client.post(PATH, {**FORM, "monthly_usd": "20", "expires_at": "2099-12-31"})
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    (text,) = set(re.findall(r"vw_[\w-]{43}", page.content.decode()))
    token = tokens.find(text)
    assert (token.user, token.scopes, token.monthly_usd) == (alice, ["generate", "read"], 20)
    assert token.expires_at.isoformat().startswith("2099-12-31T23:59:59")
    again = client.get(PATH).content.decode()
    assert text not in again
    assert f"…{text[-4:]}" in again


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x\0"}, "name"),
        ({"generate": "off", "read": "off"}, "generate"),
        ({"expires_at": "2001-01-01"}, "expires_at"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"monthly_usd": "a lot"}, "monthly_usd"),
    ],
)
def test_what_makes_no_sense_is_said_beside_its_field(alice, sign_in, change, field):
    page = sign_in(alice).post(PATH, {**FORM, **change})
    assert page.status_code == 422
    assert f'id="{field}-error"' in page.content.decode()
    assert not ApiToken.objects.exists()


def test_only_reviewers_are_offered_to_give_their_right(alice, rosa, sign_in):
    assert b'name="review"' not in sign_in(alice).get(PATH).content
    assert b'name="review"' in sign_in(rosa).get(PATH).content
    sign_in(alice).post(PATH, {**FORM, "review": "on"})
    assert ApiToken.objects.get().scopes == ["generate", "read"]


def test_revoked_it_is_listed_as_ended(alice, sign_in):
    token, text = make(alice, "Old script")
    client = sign_in(alice)
    answer = client.post(reverse("settings-token-revoke", args=[token.pk]), follow=True)
    assert "is revoked" in answer.content.decode()
    assert tokens.find(text) is None
    page = client.get(PATH).content.decode()
    assert "Old script" in page
    assert "Revoke" not in page


def test_anothers_token_is_not_there(alice, bob, ada, sign_in):
    token, text = make(alice, "Alices own")
    for other in (bob, ada):
        client = sign_in(other)
        assert client.post(reverse("settings-token-revoke", args=[token.pk])).status_code == 404
        assert b"Alices own" not in client.get(PATH).content
    assert tokens.find(text)


def test_names_are_escaped(alice, sign_in):
    make(alice, "<script>alert(1)</script>")
    assert b"<script>alert" not in sign_in(alice).get(PATH).content


def test_one_and_sixty_tokens_take_the_same_queries(alice, sign_in, django_assert_max_num_queries):
    client, counts = sign_in(alice), []
    for count in (1, 59):
        for number in range(count):
            token, _ = make(alice, f"Number {number}")
            make_generation(alice, token=token, charged="0.01")
        client.get(PATH)
        with django_assert_max_num_queries(12) as made:
            client.get(PATH)
        counts.append(len(made))
    assert counts[0] == counts[1]
