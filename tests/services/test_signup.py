"""Signing up by oneself: closed unless the policy opens it, and alike for every address."""

import re

import pytest

from generations.models import Event, Policy, User
from generations.services import signup as services
from generations.services.errors import Invalid
from tests.builders import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def is_open(db):
    Policy.objects.create(is_signup_open=True)


def ask(email, place="192.0.2.1"):
    services.ask(email, link_to="link:{}".format, sign_in="to-sign-in", place=place)


def token_in(message):
    return re.search(r"link:(\S+)", message.body)[1]


def test_it_is_closed(mailoutbox):
    for attempt in (
        lambda: ask("new@example.com"),
        lambda: services.sign_up("new@example.com", name="", password=PASSWORD, place="x"),
        lambda: services.email_of("x"),
    ):
        with pytest.raises(services.Closed):
            attempt()
    assert not mailoutbox
    assert not User.objects.exists()


def test_a_mail_leads_to_the_account(is_open, mailoutbox):
    ask(" New@Example.com ")
    token = token_in(mailoutbox[0])
    assert services.email_of(token) == "new@example.com"
    user = services.confirm(token, name="New", password=PASSWORD, place="x")
    assert (user.email, user.role) == ("new@example.com", "member")
    assert Event.objects.get(action="user.added").details["how"] == "sign-up"
    with pytest.raises(services.Closed):
        services.confirm(token, name="Again", password=PASSWORD, place="x")


def test_a_known_address_is_told_in_its_own_mailbox(is_open, alice, mailoutbox):
    ask("ALICE@example.com")
    (message,) = mailoutbox
    assert message.to == ["alice@example.com"]
    assert "to-sign-in" in message.body
    assert "link:" not in message.body


def test_a_mailbox_is_not_filled(is_open, mailoutbox):
    for number in range(services.MAILS + 3):
        ask("new@example.com", place=f"192.0.2.{number}")
    assert len(mailoutbox) == services.MAILS


def test_one_network_asks_so_often(is_open):
    for number in range(services.TRIES):
        ask(f"new{number}@example.com")
    with pytest.raises(services.TooMany):
        ask("one-more@example.com")
    ask("other@example.com", place="198.51.100.1")


def test_a_link_is_good_for_a_day_and_for_one_address(is_open, mailoutbox, monkeypatch):
    ask("new@example.com")
    token = token_in(mailoutbox[0])
    for wrong in ("", "x", token[:-1], token.replace(token[:4], "abcd"), f"{token}x", "é", "a.b.c"):
        with pytest.raises(services.Closed):
            services.email_of(wrong)
    late = services.LASTS.total_seconds() + 1
    now = services.signing.time.time()
    monkeypatch.setattr(services.signing.time, "time", lambda: now + late)
    with pytest.raises(services.Closed):
        services.email_of(token)


def test_a_link_ends_with_the_open_door(is_open, mailoutbox):
    ask("new@example.com")
    Policy.objects.update(is_signup_open=False)
    with pytest.raises(services.Closed):
        services.confirm(token_in(mailoutbox[0]), name="", password=PASSWORD, place="x")


def test_without_mail_a_known_address_is_not_told(is_open, alice):
    before = alice.password
    for email in ("alice@example.com", "new@example.com"):
        assert services.sign_up(email, name="X", password="another-long-one", place="x") is None
    alice.refresh_from_db()
    assert (alice.password, alice.name) == (before, "Alice Moretti")
    assert User.objects.get(email="new@example.com").role == "member"


def test_what_is_wrong_is_said_alike(is_open, alice):
    def told(email):
        with pytest.raises(Invalid) as refused:
            services.sign_up(email, name="", password="short", place="x")
        return refused.value.fields

    assert told("alice@example.com") == told("new@example.com")
    assert set(told("alice@example.com")) == {"password"}
