"""Fixtures: the stand-in behind the real httpx client, a stocked catalogue, and the cast.

Alice owns, Bob is of the same team, Rosa reviews, Ada administers, Charlie was let go.
"""

from collections.abc import Callable, Iterator

import httpx
import pytest
from django.core.cache import cache
from django.test import Client

from generations.models import User
from generations.services import catalogue, worker
from generations.services import key as keys
from generations.venice.standin import StandIn
from tests.builders import make_user

TEAM_KEY = "team-key-of-the-test-0123456789"


@pytest.fixture(autouse=True)
def _own_files(settings, tmp_path):
    """Every test has its own storage and an empty cache."""
    settings.MEDIA_ROOT = tmp_path / "images"
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
    return standin


@pytest.fixture
def run_jobs() -> Iterator[Callable[[], int]]:
    """Does what a worker does after a bell, in this thread; returns how many jobs it ran."""
    import threading

    worker.slots.cache_clear()
    yield lambda: worker.run(threading.Event())
    worker.slots.cache_clear()


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
        return client

    return signed_in
