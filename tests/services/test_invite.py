"""Invitations: made by admins, found by their token alone, used once."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from generations import queries
from generations.models import Event, Invite, User
from generations.services import audit
from generations.services import invite as services
from generations.services import user as users
from generations.services.errors import Invalid, NotPossible
from tests.builders import PASSWORD, make_user

pytestmark = pytest.mark.django_db


def made(by, **fields) -> tuple[Invite, str]:
    invite = services.create(by, **{"role": "member", **fields})
    return invite, services.token_of(invite)


def test_what_an_invitation_is(ada):
    invite, token = made(ada, role="reviewer", days=3, email=" New@Example.com ")
    assert (invite.role, invite.email) == ("reviewer", "new@example.com")
    assert timedelta(days=2, hours=23) < invite.expires_at - timezone.now() <= timedelta(days=3)
    assert len(token) >= 43  # 256 bits
    assert services.find(token) == invite
    event = Event.objects.get(action=audit.Action.INVITE_MADE)
    assert (event.actor, event.details) == (ada, {"role": "reviewer", "days": 3})


def test_the_token_stands_nowhere_in_clear(ada):
    _, token = made(ada)
    for model in (Invite, Event):
        for row in model.objects.values():
            assert token not in str(row)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"role": "owner"}, "role"),
        ({"days": 0}, "days"),
        ({"days": 31}, "days"),
        ({"days": -1}, "days"),
        ({"email": "no address"}, "email"),
        ({"email": "ADA@example.com"}, "email"),
    ],
)
def test_what_is_no_invitation(ada, fields, wrong):
    with pytest.raises(Invalid) as refused:
        made(ada, **fields)
    assert set(refused.value.fields) == {wrong}
    assert not Invite.objects.exists()


def test_only_admins_invite(alice, rosa, ada):
    User.objects.filter(pk=ada.pk).update(is_active=False)
    for person in (alice, rosa, ada):  # ada's object still says that she is one
        with pytest.raises(NotPossible):
            made(person)


@pytest.mark.parametrize(
    "change",
    [
        {"revoked_at": timezone.now()},
        {"used_at": timezone.now()},
        {"expires_at": timezone.now() - timedelta(seconds=1)},
    ],
)
def test_what_is_over_is_not_found(ada, change):
    invite, token = made(ada)
    Invite.objects.filter(pk=invite.pk).update(**change)
    assert services.find(token) is None
    with pytest.raises(services.Gone):
        services.accept(invite, name="New", password=PASSWORD, email="new@example.com")
    assert User.objects.count() == 1


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": "reviewer"}])
def test_who_may_not_invite_any_more_opens_no_door(ada, change):
    invite, token = made(ada)
    User.objects.filter(pk=ada.pk).update(**change)
    assert services.find(token) is None
    with pytest.raises(services.Gone):
        services.accept(invite, name="New", password=PASSWORD, email="new@example.com")


@pytest.mark.parametrize("token", ["", "x", "\0", "é" * 50, "../" * 20, "a" * 5000, "\udcff"])
def test_hostile_tokens_find_nothing(ada, token):
    made(ada)
    assert services.find(token) is None


def test_using_one_makes_the_account(ada):
    invite, token = made(ada, role="reviewer")
    user = services.accept(invite, name=" Nina  New ", password=PASSWORD, email="New@example.com")
    assert (user.email, user.name, user.role) == ("new@example.com", "Nina New", "reviewer")
    assert user.check_password(PASSWORD)
    invite.refresh_from_db()
    assert (invite.used_by, services.find(token)) == (user, None)
    actions = set(Event.objects.values_list("action", flat=True))
    assert {audit.Action.USER_ADDED, audit.Action.INVITE_USED} <= actions


def test_the_address_of_the_invitation_is_the_one(ada):
    invite, _ = made(ada, email="new@example.com")
    user = services.accept(invite, name="New", password=PASSWORD, email="other@example.com")
    assert user.email == "new@example.com"


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"password": "short"}, "password"),
        ({"email": "ADA@example.com"}, "email"),
        ({"email": ""}, "email"),
        ({"name": "x" * 81}, "name"),
    ],
)
def test_what_cannot_be_used_leaves_the_invitation_open(ada, fields, wrong):
    invite, token = made(ada)
    given = {"name": "New", "password": PASSWORD, "email": "new@example.com", **fields}
    with pytest.raises(Invalid) as refused:
        services.accept(invite, **given)
    assert set(refused.value.fields) == {wrong}
    assert services.find(token) == invite


def test_withdrawing_is_once_and_noted(ada):
    invite, token = made(ada)
    assert services.withdraw([invite], by=ada) == 1
    assert services.withdraw([invite], by=ada) == 0
    assert services.find(token) is None
    assert Event.objects.filter(action=audit.Action.INVITE_REVOKED).count() == 1


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("named", [True, False])
def test_of_twenty_at_once_one_comes_in(named):
    """With one address for all, and with twenty of their own."""
    boss = make_user("boss@example.com", role="admin")
    invite, _ = made(boss, email="new@example.com" if named else "")
    start, came, refused = threading.Barrier(20), [], []

    def accept(number):
        start.wait()
        try:
            came.append(
                services.accept(
                    invite, name="New", password=PASSWORD, email=f"new{number}@example.com"
                )
            )
        except (services.Gone, Invalid) as problem:
            refused.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=accept, args=[number]) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(came), len(refused)) == (1, 19)
    assert User.objects.exclude(pk=boss.pk).get() == came[0] == Invite.objects.get().used_by
    assert Event.objects.filter(action=audit.Action.INVITE_USED).count() == 1


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_withdrawn_in_the_same_moment_is_either_or():
    boss = make_user("boss@example.com", role="admin")
    for number in range(5):
        invite, _ = made(boss)
        start, came = threading.Barrier(2), []

        def accept(invite=invite, start=start, came=came, number=number):
            start.wait()
            try:
                email = f"new{number}@example.com"
                came.append(services.accept(invite, name="N", password=PASSWORD, email=email))
            except services.Gone:
                pass
            finally:
                connection.close()

        thread = threading.Thread(target=accept)
        thread.start()
        start.wait()
        withdrawn = services.withdraw([invite], by=boss)
        thread.join()
        invite.refresh_from_db()
        assert len(came) + withdrawn == 1
        assert bool(invite.used_at) != bool(invite.revoked_at)


def test_the_states_do_not_overlap(ada):
    rows = [made(ada)[0] for _ in range(5)]
    now = timezone.now()
    for row, change in zip(
        rows,
        [
            {},
            {"used_at": now},
            {"revoked_at": now},
            {"expires_at": now - timedelta(1)},
            {"expires_at": now - timedelta(1), "revoked_at": now},
        ],
        strict=True,
    ):
        Invite.objects.filter(pk=row.pk).update(**change or {"role": "member"})
    counts = queries.invite_counts()
    assert counts == {"open": 1, "used": 1, "withdrawn": 2, "expired": 1}
    for state, count in counts.items():
        assert queries.invites(state).count() == count


def test_mail_that_cannot_be_sent(ada, settings, monkeypatch, mailoutbox):
    settings.HAS_EMAIL = True
    invite, token = made(ada, email="new@example.com")
    assert services.send(invite, link=f"https://studio.example/invite/{token}/")
    (message,) = mailoutbox
    assert message.to == ["new@example.com"]
    assert f"https://studio.example/invite/{token}/" in message.body
    assert ada.email not in message.body

    def fails(*args, **kwargs):
        raise ConnectionRefusedError

    monkeypatch.setattr("generations.services.invite.send_mail", fails)
    assert not services.send(invite, link="x")
    settings.HAS_EMAIL = False
    assert not services.send(invite, link="x")


def test_a_token_whose_key_is_gone(ada):
    invite, token = made(ada)
    Invite.objects.filter(pk=invite.pk).update(token="gone")
    invite.refresh_from_db()
    assert services.token_of(invite) == ""
    assert services.find(token) == invite
    users.deactivate(make_user("x@example.com"), by=ada)
