"""Rotating the encryption keys: everything stays readable, and nobody is forgotten."""

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone

from generations import crypto
from generations.models import Account, Event, Invite, Salt, Share, VeniceKey
from generations.services import installation, secret
from generations.services import key as keys
from generations.services import share as shares
from generations.venice.types import ApiKey
from tests.builders import make_share

pytestmark = [pytest.mark.services, pytest.mark.django_db]
SECRET = "alices-own-key-0123456789-x7Qd"


def new_key():
    return Fernet.generate_key().decode()


@pytest.fixture
def stored(standin, alice, ada, settings):
    """One of each kind of secret."""
    keys._salt.cache_clear()
    keys.save(alice, SECRET)
    make_share(alice)
    Invite.objects.create(
        token_hash="h", token=crypto.encrypt("tok"), created_by=ada, expires_at=timezone.now()
    )
    data = {"secret": crypto.encrypt("totp")}
    Authenticator.objects.create(user=ada, type=Authenticator.Type.TOTP, data=data)
    yield settings
    keys._salt.cache_clear()


def texts():
    return [
        *VeniceKey.objects.values_list("secret", flat=True),
        *Salt.objects.values_list("secret", flat=True),
        *Share.objects.values_list("token", flat=True),
        *Invite.objects.values_list("token", flat=True),
        *(row.data["secret"] for row in Authenticator.objects.all()),
    ]


def test_every_secret_goes_under_the_first_key(stored, alice, capsys):
    old, new = stored.ENCRYPTION_KEYS, new_key()
    token = shares.token_of(Share.objects.get())
    stored.ENCRYPTION_KEYS = (new, *old)
    call_command("rotatekeys")
    assert "Venice keys: 1" in capsys.readouterr().out
    stored.ENCRYPTION_KEYS = (new,)
    assert len(texts()) == 5
    assert not secret.unreadable()
    assert keys.reveal(VeniceKey.objects.get()).reveal() == SECRET
    assert shares.token_of(Share.objects.get()) == token
    event = Event.objects.get(action="key.rotated")
    assert event.details["share links"] == 1


def test_accounts_are_known_again_when_the_old_key_is_gone(stored, alice):
    old, new = stored.ENCRYPTION_KEYS, new_key()
    account = VeniceKey.objects.get().account
    stored.ENCRYPTION_KEYS = (new, *old)
    assert keys.fingerprint(ApiKey(SECRET)) == account.pk
    call_command("rotatekeys")
    stored.ENCRYPTION_KEYS = (new,)
    assert keys.save(alice, SECRET).account == account
    assert Account.objects.count() == 1


def test_an_installation_from_before_the_salt_keeps_its_accounts(stored, alice):
    old, new = stored.ENCRYPTION_KEYS, new_key()
    account = VeniceKey.objects.get().account
    Salt.objects.all().delete()
    keys._salt.cache_clear()
    stored.ENCRYPTION_KEYS = (new, *old)
    call_command("rotatekeys")
    stored.ENCRYPTION_KEYS = (new,)
    assert keys.fingerprint(ApiKey(SECRET)) == account.pk


def test_it_goes_on_where_it_was_interrupted(stored, monkeypatch):
    stored.ENCRYPTION_KEYS = (new_key(), *stored.ENCRYPTION_KEYS)
    rotate, done = crypto.rotate, []

    def breaks(text):
        if done:
            raise OperationalError
        done.append(text)
        return rotate(text)

    monkeypatch.setattr(crypto, "rotate", breaks)
    with pytest.raises(OperationalError):
        secret.rotate()
    monkeypatch.undo()
    counts = secret.rotate()
    assert counts["Venice keys"] == 0
    assert counts["share links"] == 1
    assert not any(secret.rotate().values())


def test_a_key_that_is_replaced_meanwhile_stays_the_new_one(stored, alice, monkeypatch):
    stored.ENCRYPTION_KEYS = (new_key(), *stored.ENCRYPTION_KEYS)
    rotate = crypto.rotate

    def replaced(text):
        if crypto.decrypt(text) == SECRET:
            VeniceKey.objects.update(secret=crypto.encrypt("another-key-0123456789"))
        return rotate(text)

    monkeypatch.setattr(crypto, "rotate", replaced)
    secret.rotate()
    assert keys.reveal(VeniceKey.objects.get()).reveal() == "another-key-0123456789"


def test_a_missing_key_is_one_sentence_and_changes_nothing(stored):
    before = sorted(texts())
    stored.ENCRYPTION_KEYS = (new_key(),)
    with pytest.raises(CommandError, match=r"^Nothing was changed: 1 Venice keys") as caught:
        call_command("rotatekeys")
    assert "Add the keys" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert sorted(texts()) == before
    assert not Event.objects.filter(action="key.rotated").exists()


@pytest.mark.parametrize("gone", [VeniceKey, Salt, Share, Invite, Authenticator])
def test_each_kind_of_secret_stops_a_start(stored, gone):
    for model in {VeniceKey, Salt, Share, Invite, Authenticator} - {gone}:
        model.objects.all().delete()
    installation.require_readable_secrets()
    stored.ENCRYPTION_KEYS = (new_key(),)
    with pytest.raises(ImproperlyConfigured, match="cannot be read"):
        installation.require_readable_secrets()
    with pytest.raises(SystemExit, match="cannot be read"):
        installation.require_readable_secrets_at_start()


def test_a_database_that_is_away_stops_no_start(db, monkeypatch):
    def away():
        raise OperationalError

    monkeypatch.setattr(secret, "has_unreadable", away)
    installation.require_readable_secrets_at_start()
