"""Sessions: ended is out, and only what was meant ends."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session

from generations import queries
from generations.models import Event
from generations.services import audit
from generations.services import session as sessions

pytestmark = [pytest.mark.django_db, pytest.mark.services]
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def key(client):
    return client.session.session_key


@pytest.fixture
def two(alice, sign_in):
    """Two browsers of Alice's that were seen."""
    clients = [sign_in(alice), sign_in(alice)]
    UserSession.objects.update(ip="192.0.2.1", user_agent=FIREFOX)
    return clients


def is_in(client):
    return client.get("/settings/").status_code == 200


def test_a_session_is_noted_once_in_a_while(alice, two, django_assert_num_queries):
    with django_assert_num_queries(0):
        sessions.see(alice, key=key(two[0]), address="192.0.2.9", user_agent="x")
    assert {row.ip for row in UserSession.objects.all()} == {"192.0.2.1"}


def test_all_sessions_end_also_those_nobody_has_seen(alice, two, sign_in):
    unseen = sign_in(alice)
    UserSession.objects.filter(session_key=key(unseen)).delete()
    assert sessions.end_sessions(alice) == 2
    assert not any(is_in(client) for client in (*two, unseen))
    assert not UserSession.objects.exists()


def test_the_others_end_and_this_one_stays(alice, two):
    here, there = two
    assert sessions.end_others(alice, but=key(here)) == 1
    assert is_in(here)
    assert not is_in(there)
    event = Event.objects.get(action=audit.Action.SESSION_ENDED)
    assert (event.actor, event.details) == (alice, {"sessions": 1})


def test_one_session_ends(alice, two):
    here, there = two
    row = UserSession.objects.get(session_key=key(there))
    assert sessions.end(alice, session=row.pk)
    assert is_in(here)
    assert not is_in(there)
    assert not sessions.end(alice, session=row.pk)


def test_nobody_ends_somebody_elses(alice, bob, two):
    row = UserSession.objects.get(session_key=key(two[0]))
    assert not sessions.end(bob, session=row.pk)
    sessions.end_sessions(bob)
    assert is_in(two[0])


def test_what_is_over_is_not_listed(alice, two):
    Session.objects.filter(session_key=key(two[1])).delete()
    assert [row.session_key for row in queries.open_sessions(alice)] == [key(two[0])]


def test_what_ran_out_is_forgotten(alice, two):
    ended = Session.objects.get(session_key=key(two[1]))
    Session.objects.filter(pk=ended.pk).update(expire_date=ended.expire_date - timedelta(days=400))
    sessions.forget_ended()
    assert Session.objects.count() == UserSession.objects.count() == 1
    assert is_in(two[0])
