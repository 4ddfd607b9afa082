"""Fixtures: the stand-in behind the real httpx client, a stocked catalogue, and the cast.

Alice owns, Bob is of the same team, Rosa reviews, Ada administers, Charlie was let go.
"""

from collections.abc import Callable, Iterator

import httpx
import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from generations.models import User
from generations.services import catalogue, worker
from generations.services import key as keys
from generations.services import session as sessions
from generations.venice.standin import StandIn
from tests.builders import make_user

TEAM_KEY = "team-key-of-the-test-0123456789"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Tests that commit empty their database afterwards, which the audit log refuses."""
    table = " ON generations_event" if connection.vendor == "postgresql" else ""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER IF EXISTS event_no_emptying{table}")


@pytest.fixture(autouse=True)
def _own_files(settings, tmp_path):
    """Every test has its own storage and an empty cache."""
    settings.MEDIA_ROOT = tmp_path / "images"
    settings.SPOOL = tmp_path / "spool"
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "images"), "base_url": None},
        },
    }
    cache.clear()


@pytest.fixture(autouse=True)
def bells(monkeypatch) -> list[float]:
    """The doorbell only counts here; tests run the worker themselves."""
    rung: list[float] = []

    def ring(*, after=None):
        rung.append(after.total_seconds() if after else 0.0)

    monkeypatch.setattr("generations.services.bell.ring", ring)
    return rung


@pytest.fixture
def standin(settings) -> StandIn:
    """A stand-in in this process, reached by the real client through httpx's WSGI transport."""
    app = StandIn(latency=0, requests_per_minute=10_000, sleep=lambda seconds: None)
    settings.VENICE_TRANSPORT = lambda: httpx.WSGITransport(app=app)
    return app


@pytest.fixture
def stocked(db, standin) -> StandIn:
    """A team key and the catalogue, fetched from the stand-in."""
    keys.save(None, TEAM_KEY)
    catalogue.refresh()
    keys.refresh_limits(all_of_them=True)
    return standin


@pytest.fixture
def run_jobs() -> Iterator[Callable[[], int]]:
    """Does what a worker does after a bell, in this thread; returns how many jobs it ran."""
    import threading

    _forget_worker()
    yield lambda: worker.run(threading.Event())
    _forget_worker()


def _forget_worker() -> None:
    worker.slots.cache_clear()
    worker.storage_is_away.clear()
    worker._waiting.clear()


@pytest.fixture
def alice(db) -> User:
    return make_user("alice@example.com", name="Alice Moretti")


@pytest.fixture
def bob(db) -> User:
    return make_user("bob@example.com", name="Bob Brandt")


@pytest.fixture
def rosa(db) -> User:
    return make_user("rosa@example.com", role=User.Role.REVIEWER, name="Rosa Behrens")


@pytest.fixture
def ada(db) -> User:
    return make_user("ada@example.com", role=User.Role.ADMIN, name="Ada Keller")


@pytest.fixture
def charlie(db) -> User:
    return make_user("charlie@example.com", is_active=False)


@pytest.fixture
def sign_in() -> Callable[[User], Client]:
    def signed_in(user: User) -> Client:
        client = Client()
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        # Not the first page of this session, which writes down where it is.
        key = client.session.session_key or ""
        sessions.see(user, key=key, address="127.0.0.1", user_agent="")
        return client

    return signed_in
