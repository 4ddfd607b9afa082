"""Venice keys: encrypted, tested, shown by their last four, and never anywhere else."""

import pytest
from django.urls import reverse

from generations import crypto
from generations.models import Account, VeniceKey
from generations.services import key as keys
from generations.services.errors import Invalid
from generations.venice.errors import VeniceError

pytestmark = [pytest.mark.services, pytest.mark.django_db]
SECRET = "alices-own-key-0123456789-x7Qd"


def test_a_saved_key_is_encrypted_and_tested(standin, alice):
    key = keys.save(alice, SECRET)
    assert SECRET not in key.secret
    assert crypto.decrypt(key.secret) == SECRET
    assert (key.last_four, key.account.tier) == ("x7Qd", "paid")
    assert key.account.tested_at is not None
    assert key.account.balance_usd > 0
    assert SECRET not in f"{key} {key!r}"


@pytest.mark.parametrize("text", ["bad-key-0123456789", "two words", "", "k\u00e9y", "line\nbreak"])
def test_what_is_no_key_is_not_saved(standin, alice, text):
    with pytest.raises(Invalid) as problem:
        keys.save(alice, text)
    assert set(problem.value.fields) == {"venice_key"}
    assert not VeniceKey.objects.exists()


def test_nothing_is_saved_while_venice_cannot_be_asked(alice, settings):
    import httpx

    def away(request):
        raise httpx.ConnectError("away", request=request)

    settings.VENICE_TRANSPORT = lambda: httpx.MockTransport(away)
    with pytest.raises(VeniceError):
        keys.save(alice, SECRET)
    assert not VeniceKey.objects.exists()


def test_a_new_key_takes_the_place_of_the_old(standin, alice):
    keys.save(alice, SECRET)
    keys.save(alice, "another-key-0123456789-abcd")
    assert VeniceKey.objects.get().last_four == "abcd"


def test_the_key_of_the_environment_is_the_teams(standin, settings, db):
    keys.save(None, SECRET)
    settings.VENICE_API_KEY = "from-the-environment-0001"
    assert keys.team_key().last_four == "0001"
    settings.VENICE_API_KEY = "from-the-environment-0002"
    assert keys.team_key().last_four == "0002"
    settings.VENICE_API_KEY = ""
    assert keys.team_key().last_four == "x7Qd"
    assert VeniceKey.objects.count() == 2


def test_a_stopped_key_works_again_after_a_test(standin, alice):
    key = keys.save(alice, SECRET)
    keys.stop(key.account, Account.Problem.NO_CREDIT)
    keys.test(key)
    assert VeniceKey.objects.get().account.problem == ""


def test_keys_of_other_encryption_keys_cannot_be_read(standin, alice, settings):
    from cryptography.fernet import Fernet

    key = keys.save(alice, SECRET)
    old = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = (Fernet.generate_key().decode(),)
    with pytest.raises(crypto.CannotDecrypt):
        keys.reveal(key)
    settings.ENCRYPTION_KEYS = (settings.ENCRYPTION_KEYS[0], *old)
    assert keys.reveal(key).reveal() == SECRET


def test_a_start_with_wrong_encryption_keys_is_one_sentence(standin, alice, settings):
    from cryptography.fernet import Fernet
    from django.core.exceptions import ImproperlyConfigured

    from generations.services import installation

    keys.save(alice, SECRET)
    installation.require_readable_secrets()
    settings.ENCRYPTION_KEYS = (Fernet.generate_key().decode(),)
    with pytest.raises(ImproperlyConfigured, match="cannot be read"):
        installation.require_readable_secrets()


# --- the settings page ----------------------------------------------------------------------


def test_the_page_saves_a_key_and_shows_four_characters(standin, alice, sign_in):
    client = sign_in(alice)
    response = client.post("/settings/", {"venice_key": SECRET}, follow=True)
    text = response.content.decode()
    assert "x7Qd" in text
    assert SECRET not in text
    assert SECRET[:-4] not in text


@pytest.mark.parametrize("text", ["bad-key-0123456789", ""])
def test_a_refused_key_is_named_and_not_sent_back(standin, alice, sign_in, text):
    response = sign_in(alice).post("/settings/", {"venice_key": text})
    page = response.content.decode()
    assert response.status_code == 422
    assert 'id="venice_key-error"' in page
    assert 'aria-invalid="true"' in page
    if text:
        assert text not in page


def test_testing_and_removing_my_key(standin, alice, sign_in):
    keys.save(alice, SECRET)
    client = sign_in(alice)
    assert "works" in client.post(reverse("settings-key-test"), follow=True).content.decode()
    client.post(reverse("settings-key-remove"))
    assert not VeniceKey.objects.exists()


def test_a_member_sees_that_there_is_a_team_key_but_nothing_of_it(stocked, alice, ada, sign_in):
    last_four = keys.team_key().last_four
    assert last_four not in sign_in(alice).get("/settings/").content.decode()
    assert last_four in sign_in(ada).get("/settings/").content.decode()


def test_a_member_cannot_test_or_remove_the_teams_key(stocked, alice, sign_in):
    client = sign_in(alice)
    client.post(reverse("settings-key-remove"))
    client.post(reverse("settings-key-test"))
    key = VeniceKey.objects.get()
    assert key.is_team


def test_the_admin_shows_no_secret(stocked, ada, sign_in):
    key = VeniceKey.objects.get()
    client = sign_in(ada)
    for path in ("", f"{key.pk}/change/"):
        page = client.get(f"/admin/generations/venicekey/{path}", follow=True).content.decode()
        assert key.secret not in page
        assert key.account_id not in page
