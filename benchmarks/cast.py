"""Who takes part in `load.py`, written straight into the database. Django is set up by then."""

import secrets
import uuid
from datetime import timedelta
from importlib import import_module
from typing import Any

from crowd import Member
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone
from measure import MODEL, PICTURE

from generations.models import Generation, Image, User, VeniceModel
from generations.services import key, token

DAY = timedelta(days=1)


def images(format: str) -> list[str]:
    return [str(pk) for pk in Image.objects.filter(format=format).values_list("pk", flat=True)]


def members(count: int, ports: list[int], name: str) -> list[tuple[User, Member]]:
    """People who have signed in, each at one of the web processes."""
    rows = [User(email=f"{name}{n}@example.com", password=f"!{name}{n}") for n in range(count)]
    users = User.objects.bulk_create(rows)
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    sessions = [
        Session(
            session_key=secrets.token_hex(16),
            session_data=store.encode(_signed_in(user)),
            expire_date=timezone.now() + DAY,
        )
        for user in users
    ]
    Session.objects.bulk_create(sessions)
    pairs = zip(users, sessions, strict=True)
    return [
        (user, Member(ports[number % len(ports)], session.session_key))
        for number, (user, session) in enumerate(pairs)
    ]


def _signed_in(user: User) -> dict[str, Any]:
    return {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    }


def running_jobs(users: list[User]) -> list[uuid.UUID]:
    """A job for each of them that a worker seems to have been calling for an hour: its page polls
    every 10 s, and nothing changes."""
    began = timezone.now() - timedelta(hours=1)
    model = VeniceModel.objects.get(pk=MODEL)
    rows = [
        Generation(
            user=user,
            key=key.team_key(),
            state=Generation.State.CALLING,
            model=MODEL,
            model_name=model.name,
            prompt=PICTURE["prompt"],
            parameters={},
            created_at=began,
            started_at=began,
            lease_until=timezone.now() + DAY,
            lease_holder="benchmark",
        )
        for user in users
    ]
    return [row.pk for row in Generation.objects.bulk_create(rows)]


def programs(count: int, ports: list[int]) -> list[tuple[int, str]]:
    """Web processes and tokens: each program with somebody of its own, at every web process."""
    found = []
    for user, _ in members(count, ports, "program"):
        _, text = token.create(user, name="benchmark", scopes=["generate"])
        found += [(port, text) for port in ports]
    return found
