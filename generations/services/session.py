"""Sessions: where somebody is signed in. Ended is out on the next request, in every process."""

from importlib import import_module

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from generations.models import User
from generations.services import audit, throttle

# A page says that it was seen at most this often, in seconds: looking costs no write.
SEEN_EVERY = 300


def see(user: User, *, key: str, address: str, user_agent: str) -> None:
    """Note that the session `key` of this person is in use, and from where."""
    if not throttle.is_first(f"seen:{key}", seconds=SEEN_EVERY):
        return
    values = {"user": user, "ip": address, "user_agent": user_agent[:200]}
    rows = UserSession.objects.filter(session_key=key)
    if not rows.update(**values, last_seen_at=timezone.now()):
        UserSession.objects.bulk_create(
            [UserSession(session_key=key, **values)], ignore_conflicts=True
        )


def end_sessions(user: User, *, but: str | None = None) -> int:
    """End every session of this person except the one with the key `but`.

    Without `but` the round goes up, too, which is part of every session's signature: none lives
    on, wherever it is kept. Returns how many were listed. Nothing is written in the audit log.
    """
    if but is None:
        User.objects.filter(pk=user.pk).update(session_round=F("session_round") + 1)
        user.refresh_from_db(fields=["session_round"])
    return _end(list(UserSession.objects.filter(user=user).exclude(session_key=but or "")))


def end_others(user: User, *, but: str) -> int:
    """What a person asks for: every session but the one that asks. Returns how many."""
    count = end_sessions(user, but=but)
    if count:
        audit.note(audit.Action.SESSION_ENDED, by=user, subject=user, sessions=count)
    return count


def end(user: User, *, session: int) -> bool:
    """End one of their own sessions; False when there is no such."""
    row = UserSession.objects.filter(user=user, pk=session).first()
    if row is None:
        return False
    _end([row])
    audit.note(audit.Action.SESSION_ENDED, by=user, subject=user, sessions=1, address=row.ip)
    return True


def forget_ended() -> None:
    """Delete what is over: sessions that ran out, and what was noted of any that is gone."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    store.clear_expired()
    alive = Session.objects.values("session_key")
    UserSession.objects.exclude(session_key__in=alive).delete()


def _end(rows: list[UserSession]) -> int:
    store = import_module(settings.SESSION_ENGINE).SessionStore
    for row in rows:
        # First in the database: what is read meanwhile must not bring it back to the cache.
        store().delete(row.session_key)
    with transaction.atomic():
        UserSession.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)
