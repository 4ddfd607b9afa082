"""Commands: what they print, what they refuse, in sentences."""

import io
import threading

import pytest
from django.core.management import CommandError, call_command

from generations.models import User, VeniceKey
from generations.services import token as tokens
from generations.services import user as users

pytestmark = pytest.mark.django_db


def test_adduser(settings, capsys):
    settings.NEW_PASSWORD = "a-long-enough-password"
    call_command("adduser", "new@example.com", role="reviewer")
    user = User.objects.get()
    assert (user.email, user.role) == ("new@example.com", "reviewer")
    assert user.check_password("a-long-enough-password")


@pytest.mark.parametrize(
    ("email", "password"),
    [("not-an-address", "a-long-enough-password"), ("new@example.com", "short")],
)
def test_adduser_refuses_in_a_sentence(settings, email, password):
    settings.NEW_PASSWORD = password
    with pytest.raises(CommandError):
        call_command("adduser", email)
    assert not User.objects.exists()


def test_adduser_twice(settings, alice):
    settings.NEW_PASSWORD = "a-long-enough-password"
    with pytest.raises(CommandError, match="here already"):
        call_command("adduser", "ALICE@example.com")


def test_venicekey_for_the_team_and_a_person(standin, alice, monkeypatch, capsys):
    for options in ({"team": True}, {"user": alice.email}):
        monkeypatch.setattr("sys.stdin", io.StringIO("a-venice-key-0123456789-wxyz\n"))
        call_command("venicekey", **options)
    assert VeniceKey.objects.count() == 2
    printed = capsys.readouterr().out
    assert "wxyz" in printed
    assert "0123456789" not in printed


def test_venicekey_that_venice_refuses(standin, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("bad-key-0123456789\n"))
    with pytest.raises(CommandError, match="does not accept"):
        call_command("venicekey", team=True)
    assert not VeniceKey.objects.exists()


def test_venicekey_for_nobody(standin):
    with pytest.raises(CommandError, match="nobody"):
        call_command("venicekey", user="nobody@example.com")


def test_token_prints_a_token_that_works(alice, capsys):
    call_command("token", "Alice@example.com", name="Nightly")
    (text,) = capsys.readouterr().out.split()
    found = tokens.find(text)
    assert (found.user, found.name, found.scopes) == (
        alice,
        "Nightly",
        ["generate", "read", "share"],
    )


@pytest.mark.parametrize("email", ["nobody@example.com", "charlie@example.com"])
def test_token_for_nobody(charlie, email):
    with pytest.raises(CommandError, match="nobody active"):
        call_command("token", email)


def test_the_first_admin_is_made_once():
    first = users.first_admin("", "")
    assert (first.email, first.is_made_up) == (users.FIRST_ADMIN, True)
    assert len(first.password) >= 16
    assert first.password not in repr(first)
    assert users.first_admin("", "") is None
    assert User.objects.get().is_admin


def test_the_first_admin_from_the_environment():
    first = users.first_admin("me@example.com", "a-long-enough-password")
    assert (first.email, first.is_made_up) == ("me@example.com", False)


def test_the_standin_lists_its_markers(capsys):
    call_command("standin", markers=True)
    assert "[[adult]]" in capsys.readouterr().out


def test_health(client, django_assert_num_queries):
    from generations.services import queue

    with django_assert_num_queries(0):
        assert client.get("/healthz").content == b"ok\n"
    queue.report(places=16)
    answer = client.get("/readyz")
    assert answer.json() == {"database": True, "broker": True, "worker": True, "storage": True}
    assert answer.status_code == 200


@pytest.mark.parametrize(("part", "asked"), [("broker", "has_broker"), ("storage", "_storage")])
def test_readyz_says_what_is_missing(client, monkeypatch, part, asked):
    monkeypatch.setattr(f"generations.services.installation.{asked}", lambda: False)
    response = client.get("/readyz")
    assert (response.status_code, response.json()[part]) == (503, False)


def test_readyz_misses_a_worker_that_is_silent(client):
    from datetime import timedelta

    from django.utils import timezone

    from generations.models import Worker

    Worker.objects.create(holder="gone", seen_at=timezone.now() - timedelta(minutes=1))
    assert client.get("/readyz").json()["worker"] is False


def test_a_bell_that_cannot_ring_is_no_error(monkeypatch, caplog):
    from kombu.exceptions import OperationalError

    from generations import tasks

    def away(*args, **kwargs):
        raise OperationalError("away")

    monkeypatch.undo()  # the real bell
    monkeypatch.setattr(tasks.work, "apply_async", away)
    from generations.services import bell

    bell.ring()
    assert "the sweep will" in caplog.text


def test_tasks_only_wrap_services(stocked, alice, bells):
    from generations import tasks
    from generations.services import worker
    from tests.builders import submit

    worker.slots.cache_clear()
    generation = submit(alice)
    tasks.sweep()
    assert bells
    tasks.work()
    generation.refresh_from_db()
    assert generation.state == "succeeded"
    tasks.refresh_catalogue()
    assert not tasks.is_stopping.is_set()
    assert isinstance(tasks.is_stopping, threading.Event)
