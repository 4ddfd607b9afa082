"""The page of the team's key; a member's key is on no page of an admin."""

from datetime import timedelta

import pytest
from django.utils import timezone

from generations.models import Account, VeniceKey
from generations.services import key as keys

pytestmark = pytest.mark.django_db
URL = "/team/key/"
SECRET = "the-teams-own-key-0123456789-x7Qd"


def test_it_is_for_admins_alone(stocked, alice, rosa, sign_in):
    for person in (alice, rosa):
        client = sign_in(person)
        for url in (URL, f"{URL}test/", f"{URL}remove/"):
            assert client.post(url, {"venice_key": SECRET}).status_code == 404
    assert keys.team_key() is not None


def test_saving_testing_and_removing(standin, ada, sign_in):
    client = sign_in(ada)
    page = client.post(URL, {"venice_key": SECRET}, follow=True).content.decode()
    assert "x7Qd" in page
    assert SECRET[:-4] not in page
    assert "requests a minute" in page
    assert "The key works." in client.post(f"{URL}test/", follow=True).content.decode()
    assert "Key removed" in client.post(f"{URL}remove/", follow=True).content.decode()
    assert keys.team_key() is None
    for url in (f"{URL}test/", f"{URL}remove/"):
        assert client.post(url).status_code == 303


@pytest.mark.parametrize("text", ["bad-key-0123456789", "two words", ""])
def test_a_refused_key_is_named_and_not_sent_back(standin, ada, sign_in, text):
    response = sign_in(ada).post(URL, {"venice_key": text})
    page = response.content.decode()
    assert response.status_code == 422
    assert 'id="venice_key-error"' in page
    assert not text or text not in page
    assert not VeniceKey.objects.exists()


def test_the_servers_key_is_not_ours_to_change(stocked, ada, sign_in, settings):
    settings.VENICE_API_KEY = "from-the-environment-0001"
    client = sign_in(ada)
    page = client.get(URL).content.decode()
    assert "set on the server, as VENICE_API_KEY" in page
    assert "0001" in page
    assert "team/key/remove" not in page
    assert client.post(URL, {"venice_key": SECRET}).status_code == 422
    assert "Take it away there" in client.post(f"{URL}remove/", follow=True).content.decode()
    assert keys.team_key().last_four == "0001"


def test_a_near_end_and_a_refused_key_are_said(stocked, ada, sign_in):
    client = sign_in(ada)
    assert "It expires on" not in client.get(URL).content.decode()
    Account.objects.update(expires_at=timezone.now() + timedelta(days=3))
    assert "It expires on" in client.get(URL).content.decode()
    Account.objects.update(expires_at=timezone.now() - timedelta(days=3))
    page = client.get(URL).content.decode()
    assert "It expires on" not in page
    assert "Expired" in page
    Account.objects.update(expires_at=None, problem="bad_key")
    assert "Venice refused this key" in client.get(URL).content.decode()


def test_an_admin_sees_nothing_of_a_members_key(stocked, alice, ada, sign_in):
    key = keys.save(alice, "alices-own-key-9876543210-x7Qd")
    keys.stop(key.account, Account.Problem.BAD_KEY)
    client = sign_in(ada)
    for url in (
        URL,
        "/settings/",
        "/team/usage/",
        f"/team/people/{alice.pk}/",
        "/admin/generations/venicekey/",
        f"/admin/generations/venicekey/{key.pk}/change/",
    ):
        response = client.get(url)
        assert response.status_code == 200
        assert f"…{key.last_four}" not in response.content.decode(), url
        assert "9876543210" not in response.content.decode(), url
