"""People: who decides what about whom, and what ends with an account."""

import threading

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection

from generations.models import Event, Generation, Invite, Policy, User, VeniceKey
from generations.models.generation import State
from generations.models.policy import SafeMode, Who
from generations.services import audit, queue
from generations.services import invite as invites
from generations.services import key as keys
from generations.services import user as users
from generations.services.errors import Invalid, NotPossible
from tests.builders import PASSWORD, make_generation, make_key, make_user, submit

pytestmark = pytest.mark.django_db


def noted(action):
    return Event.objects.filter(action=action)


def again(user: User) -> User:
    user.refresh_from_db()
    return user


# --- adding ---------------------------------------------------------------------------------------


def test_adding_somebody_is_noted(ada):
    made = users.add(" New@Example.com ", PASSWORD, role="reviewer", name=" Nina  New ", by=ada)
    assert (made.email, made.role, made.name) == ("new@example.com", "reviewer", "Nina New")
    event = noted(audit.Action.USER_ADDED).get()
    assert (event.actor, event.subject_name, event.details["role"]) == (ada, made.email, "reviewer")


@pytest.mark.parametrize(
    ("email", "password", "role", "wrong"),
    [
        ("nobody", PASSWORD, "member", "email"),
        ("ALICE@example.com", PASSWORD, "member", "email"),
        (f"{'a' * 250}@example.com", PASSWORD, "member", "email"),
        ("new@example.com", "short", "member", "password"),
        ("new@example.com", "new@example.com", "member", "password"),
        ("new@example.com", PASSWORD, "owner", "role"),
    ],
)
def test_what_cannot_be_added(alice, email, password, role, wrong):
    with pytest.raises(Invalid) as refused:
        users.add(email, password, role=role)
    assert set(refused.value.fields) == {wrong}
    assert User.objects.count() == 1


def test_an_address_that_was_taken_meanwhile(db):
    first, second = (users.new("new@example.com", PASSWORD) for _ in range(2))
    users.keep(first, by=None)
    with pytest.raises(Invalid) as refused:
        users.keep(second, by=None)
    assert set(refused.value.fields) == {"email"}


# --- roles ----------------------------------------------------------------------------------------


def test_a_role_changes_and_is_noted(ada, bob):
    users.set_role(bob, "reviewer", by=ada)
    assert again(bob).is_reviewer
    event = noted(audit.Action.ROLE_CHANGED).get()
    assert (event.details["before"], event.details["after"]) == ("member", "reviewer")


def test_the_same_role_is_no_change(ada, bob):
    users.set_role(bob, "member", by=ada)
    assert not noted(audit.Action.ROLE_CHANGED).exists()


@pytest.mark.parametrize("role", ["", "owner", "ADMIN"])
def test_there_are_no_other_roles(ada, bob, role):
    with pytest.raises(Invalid):
        users.set_role(bob, role, by=ada)


def test_the_last_admin_stays(ada, charlie):
    User.objects.filter(pk=charlie.pk).update(role="admin")  # who is out is no admin
    for verb in (
        lambda: users.set_role(ada, "member", by=ada),
        lambda: users.deactivate(ada, by=ada),
    ):
        with pytest.raises(NotPossible, match="There must be an admin"):
            verb()
    assert again(ada).is_admin


def test_one_of_two_admins_may_go(ada):
    other = make_user("other@example.com", role="admin")
    users.set_role(ada, "member", by=ada)
    assert not again(ada).is_admin
    assert again(other).is_admin


@pytest.mark.parametrize("role", ["member", "reviewer"])
def test_only_an_admin_decides(alice, bob, role):
    User.objects.filter(pk=alice.pk).update(role=role)
    for verb in (
        lambda: users.set_role(bob, "admin", by=alice),
        lambda: users.deactivate(bob, by=alice),
        lambda: users.activate(bob, by=alice),
        lambda: users.end_sessions(bob, by=alice),
        lambda: users.set_password(bob, PASSWORD, by=alice),
        lambda: users.set_exceptions(
            bob, safe_mode="free", may_use_team_key=True, may_share=True, by=alice
        ),
    ):
        with pytest.raises(NotPossible):
            verb()
    assert again(bob).role == "member"
    assert bob.is_active


def test_who_was_an_admin_a_moment_ago_decides_nothing(ada, bob):
    """The object of the request is older than the row."""
    other = make_user("other@example.com", role="admin")
    users.set_role(ada, "member", by=other)
    assert ada.is_admin  # as far as the object knows
    with pytest.raises(NotPossible):
        users.set_role(bob, "admin", by=ada)


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("verb", ["demote", "deactivate", "each other"])
def test_of_the_last_two_admins_one_stays(verb):
    for number in range(5):
        User.objects.update(role="member")
        first, second = (make_user(f"{n}{number}@example.com", role="admin") for n in "ab")
        start, problems = threading.Barrier(2), []

        def go(who, by, start=start, problems=problems):
            start.wait()
            try:
                if verb == "deactivate":
                    users.deactivate(who, by=by)
                else:
                    users.set_role(who, "member", by=by)
            except NotPossible as problem:
                problems.append(problem)
            finally:
                connection.close()

        pairs = [(first, first), (second, second)]
        if verb == "each other":
            pairs = [(first, second), (second, first)]
        threads = [threading.Thread(target=go, args=pair) for pair in pairs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert User.objects.filter(role="admin", is_active=True).count() == 1
        assert len(problems) == 1


def test_who_may_not_invite_any_more_leaves_no_open_door(ada):
    other = make_user("other@example.com", role="admin")
    invite = invites.create(other, role="admin")
    token = invites.token_of(invite)
    users.set_role(other, "reviewer", by=ada)
    assert invites.find(token) is None
    assert Invite.objects.get().revoked_at
    users.set_role(other, "admin", by=ada)
    assert invites.find(token) is None


# --- out and in again -----------------------------------------------------------------------------


def test_what_ends_with_an_account(ada, alice, sign_in, stocked):
    User.objects.filter(pk=alice.pk).update(role="admin")
    client = sign_in(again(alice))
    invite = invites.create(alice, role="member")
    key = make_key(alice)
    waiting = submit(alice)
    running = make_generation(alice, state=State.CALLING)
    done = make_generation(alice)

    ended = users.deactivate(alice, by=ada)

    assert (ended.jobs, ended.invites) == (1, 1)
    assert client.get("/settings/").status_code == 302
    waiting.refresh_from_db()
    assert (waiting.state, waiting.charged) == (State.CANCELLED, 0)
    assert "switched off" in waiting.error_message
    states = Generation.objects.filter(pk__in=[running.pk, done.pk]).values_list("state", flat=True)
    assert set(states) == {State.CALLING, State.SUCCEEDED}
    assert invites.find(invites.token_of(invite)) is None
    assert VeniceKey.objects.filter(pk=key.pk, secret=key.secret).exists()
    event = noted(audit.Action.USER_DEACTIVATED).get()
    assert (event.details["jobs"], event.details["invites"]) == (1, 1)


def test_the_key_of_somebody_deactivated_is_not_used(ada, alice, stocked):
    make_key(alice)
    users.deactivate(alice, by=ada)
    before = VeniceKey.objects.get(user=alice).account.tested_at
    keys.refresh_limits(all_of_them=True)
    assert VeniceKey.objects.get(user=alice).account.tested_at == before
    users.activate(alice, by=ada)
    keys.refresh_limits(all_of_them=True)
    account = VeniceKey.objects.get(user=alice).account
    assert account.problem or account.tested_at > before


def test_the_old_session_stays_ended_when_they_are_back(ada, alice, sign_in):
    client = sign_in(alice)
    users.deactivate(alice, by=ada)
    users.activate(alice, by=ada)
    assert client.get("/settings/").status_code == 302
    assert sign_in(again(alice)).get("/settings/").status_code == 200
    assert noted(audit.Action.USER_ACTIVATED).count() == 1


def test_out_twice_and_in_twice_is_said(ada, alice):
    users.deactivate(alice, by=ada)
    with pytest.raises(NotPossible):
        users.deactivate(alice, by=ada)
    users.activate(alice, by=ada)
    with pytest.raises(NotPossible):
        users.activate(alice, by=ada)


def test_a_job_that_came_in_meanwhile_is_not_sent(alice, stocked, run_jobs):
    """Submitted in the moment of deactivation, or put back by a try that failed."""
    job = submit(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert run_jobs() == 0
    assert queue.claim() is None
    queue.sweep(10)
    job.refresh_from_db()
    assert (job.state, job.error_code, job.charged) == (State.CANCELLED, "deactivated", 0)


def test_one_who_is_out_does_not_hold_up_the_line(alice, bob, stocked):
    submit(alice)
    theirs = submit(bob)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    queue.claim()
    queue.sweep(10)
    call = queue.claim()
    assert call.generation == theirs


def test_signing_somebody_out(ada, alice, bob, sign_in):
    clients = [sign_in(alice), sign_in(alice), sign_in(bob)]
    for client in clients:
        client.get("/settings/")
    users.end_sessions(alice, by=ada)
    assert [client.get("/settings/").status_code for client in clients] == [302, 302, 200]


def test_a_new_password_ends_sessions(ada, alice, sign_in):
    client = sign_in(alice)
    users.set_password(alice, "another-long-password", by=ada)
    assert client.get("/settings/").status_code == 302
    assert again(alice).check_password("another-long-password")
    with pytest.raises(Invalid):
        users.set_password(alice, "short", by=ada)


# --- exceptions -----------------------------------------------------------------------------------


def test_exceptions_are_kept_and_noted_once(ada, alice):
    given = {"safe_mode": "forced", "may_use_team_key": False, "may_share": None}
    for _ in range(2):
        users.set_exceptions(alice, by=ada, **given)
    assert again(alice).safe_mode == SafeMode.FORCED
    assert (alice.may_use_team_key, alice.may_share) == (False, None)
    event = noted(audit.Action.EXCEPTION_CHANGED).get()
    assert event.details == {"safe_mode": "forced", "may_use_team_key": False}


def test_an_exception_that_is_none(ada, alice):
    with pytest.raises(Invalid):
        users.set_exceptions(
            alice, safe_mode="never", may_use_team_key=None, may_share=None, by=ada
        )


# --- the second factor ----------------------------------------------------------------------------


def lacking() -> set[str]:
    return {user.role for user in User.objects.filter(needs_second_factor=True)}


@pytest.mark.parametrize(
    ("who", "roles"),
    [
        (Who.NOBODY, set()),
        (Who.ADMINS, {"admin"}),
        (Who.REVIEWERS, {"admin", "reviewer"}),
        (Who.EVERYONE, {"admin", "reviewer", "member"}),
    ],
)
def test_who_lacks_a_second_factor(ada, rosa, alice, who, roles):
    Policy.objects.create(second_factor_for=who)
    users.update_second_factor()
    assert lacking() == roles
    Policy.objects.update(second_factor_for=Who.NOBODY)
    users.update_second_factor()
    assert lacking() == set()


@pytest.mark.parametrize(
    ("kind", "counts"), [("totp", True), ("webauthn", True), ("recovery_codes", False)]
)
def test_what_is_a_second_factor(ada, kind, counts):
    Policy.objects.create(second_factor_for=Who.ADMINS)
    Authenticator.objects.create(user=ada, type=kind, data={})
    users.update_second_factor()
    assert again(ada).needs_second_factor is not counts


def test_only_those_who_are_named_are_looked_at(ada, rosa):
    Policy.objects.create(second_factor_for=Who.REVIEWERS)
    users.update_second_factor(User.objects.filter(pk=rosa.pk))
    assert lacking() == {"reviewer"}
    users.update_second_factor(User.objects.none())
    assert lacking() == {"reviewer"}


def test_a_role_brings_the_duty_along(ada, bob):
    Policy.objects.create(second_factor_for=Who.REVIEWERS)
    users.set_role(bob, "reviewer", by=ada)
    assert again(bob).needs_second_factor
    users.set_role(bob, "member", by=ada)
    assert not again(bob).needs_second_factor
    new = users.add("new@example.com", PASSWORD, role="admin")
    assert again(new).needs_second_factor
