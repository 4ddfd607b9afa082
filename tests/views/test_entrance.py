"""The entrance: who guesses is stopped, whose account it is gets in; second factors; the log."""

import json
import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from allauth.usersessions.models import UserSession
from django.contrib.auth import hashers
from django.core.cache import cache
from django.test import Client

from generations import crypto
from generations.models import Event, Policy, User
from generations.services import factor
from generations.services import user as users
from generations.services.audit import Action
from generations.views.security import device
from tests.builders import PASSWORD

pytestmark = pytest.mark.django_db
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
LOGIN = "/accounts/login/"
CODE = "/accounts/2fa/authenticate/"


def sign_in_by_form(client, email, password=PASSWORD, **extra):
    return client.post(LOGIN, {"login": email, "password": password}, **extra)


def code_of(secret=SECRET):
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def wrong_code():
    return format_hotp_value((int(code_of()) + 1) % 1_000_000)


def give_app(user):
    """An authenticator app and recovery codes; returns the codes."""
    TOTP.activate(user, SECRET)
    return RecoveryCodes.activate(user).generate_codes()


def is_in(client):
    return client.get("/settings/").status_code == 200


def confirmed(client, password=PASSWORD):
    """As somebody who has just given the password again."""
    client.post("/accounts/reauthenticate/", {"password": password})
    return client


@pytest.fixture
def at_once(django_capture_on_commit_callbacks):
    return lambda: django_capture_on_commit_callbacks(execute=True)


# --- guessing -----------------------------------------------------------------------------------


def attack(email, tries, **extra):
    """Guesses at one account from as many addresses; what the last of them is answered."""
    client = Client()
    for n in range(tries):
        address = f"198.51.{n // 250}.{n % 250 + 1}"
        answer = sign_in_by_form(client, email, f"guess-{n}", REMOTE_ADDR=address, **extra)
    return answer


def test_two_hundred_guesses_are_stopped_and_the_owner_gets_in(client, alice):
    sign_in_by_form(client, alice.email)
    client.post("/accounts/logout/")
    assert attack(alice.email, 200).status_code == 429
    # Somebody new to the account waits; its own browser does not.
    assert sign_in_by_form(Client(), alice.email).status_code == 429
    assert sign_in_by_form(client, alice.email).status_code == 302
    assert is_in(client)


def test_an_attacker_at_the_same_address_does_not_keep_the_owner_out(client, alice):
    sign_in_by_form(client, alice.email)
    client.post("/accounts/logout/")
    thief = Client()
    for n in range(60):
        answer = sign_in_by_form(thief, alice.email, f"guess-{n}")
    assert answer.status_code == 429
    assert sign_in_by_form(client, alice.email).status_code == 302


def test_one_address_does_not_shut_others_out(alice):
    thief = Client()
    for n in range(60):
        answer = sign_in_by_form(thief, alice.email, f"guess-{n}", REMOTE_ADDR="198.51.100.1")
    assert answer.status_code == 429
    assert sign_in_by_form(Client(), alice.email, REMOTE_ADDR="192.0.2.1").status_code == 302


def test_one_address_cannot_try_one_password_on_everybody(alice):
    for n in range(40):
        answer = sign_in_by_form(Client(), f"person{n}@example.com", "autumn-2026")
    assert answer.status_code == 429


def test_a_known_browser_cannot_guess_for_ever_either(client, alice):
    sign_in_by_form(client, alice.email)
    client.post("/accounts/logout/")
    for n in range(15):
        answer = sign_in_by_form(client, alice.email, f"guess-{n}")
    assert answer.status_code == 429


def test_a_made_up_browser_counts_like_a_strange_one(alice):
    client = Client()
    client.cookies["device"] = json.dumps({"x": "y"})
    for n in range(10):
        answer = sign_in_by_form(client, alice.email, f"guess-{n}")
    assert answer.status_code == 429


def test_a_browser_is_known_for_its_own_account_only(client, alice, bob):
    sign_in_by_form(client, bob.email)
    client.post("/accounts/logout/")
    for n in range(10):
        answer = sign_in_by_form(client, alice.email, f"guess-{n}")
    assert answer.status_code == 429


def test_the_cookie_of_a_known_browser_is_not_for_scripts(client, alice):
    cookie = sign_in_by_form(client, alice.email).cookies["device"]
    assert cookie["httponly"]
    assert cookie["path"] == "/accounts/"
    assert alice.email not in cookie.value


def test_signing_in_often_is_no_guessing(client, alice):
    for _ in range(30):
        assert sign_in_by_form(Client(), alice.email).status_code == 302


@pytest.mark.parametrize(
    ("proxies", "forged", "is_stopped"),
    [
        (0, "10.0.{0}.{0}", True),
        (1, "10.0.{0}.{0}, 192.0.2.7", True),
        (1, "192.0.2.7, 10.0.{0}.{0}", False),
        (2, "10.9.9.9, 10.0.{0}.{0}, 192.0.2.7", False),
        (1, "not an address {0}, x", True),
    ],
)
def test_only_our_own_proxies_say_where_somebody_is(settings, proxies, forged, is_stopped):
    """Of other people's names, so that only the address can count."""
    settings.PROXIES = settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    for n in range(25):
        header = {"X-Forwarded-For": forged.format(n)}
        answer = sign_in_by_form(Client(), f"person{n}@example.com", "x", headers=header)
    assert (answer.status_code == 429) is is_stopped


@pytest.mark.parametrize(
    ("proxies", "expected"), [(0, "127.0.0.1"), (1, "192.0.2.7"), (3, "127.0.0.1")]
)
def test_sessions_and_the_log_name_the_same_address(settings, client, alice, proxies, expected):
    settings.PROXIES = settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    sign_in_by_form(client, alice.email, headers={"X-Forwarded-For": "10.0.0.1, 192.0.2.7"})
    assert UserSession.objects.get().ip == expected
    assert Event.objects.get(action=Action.SIGNED_IN).address == expected


def test_an_unknown_address_costs_as_much_hashing_as_a_known_one(client, alice, monkeypatch):
    made = []
    hasher = type(hashers.get_hasher())
    encode = hasher.encode
    monkeypatch.setattr(hasher, "encode", lambda self, *args: made.append(1) or encode(self, *args))
    sign_in_by_form(client, alice.email, "not-the-password")
    known, made[:] = len(made), []
    sign_in_by_form(client, "nobody@example.com", "not-the-password")
    assert known == len(made) > 0


def test_reset_mails_are_few_and_say_the_same_to_strangers(client, alice, settings, mailoutbox):
    settings.HAS_EMAIL = True
    answers = {}
    for email in (alice.email, "nobody@example.com"):
        answers[email] = [
            client.post("/accounts/password/reset/", {"email": email}).status_code for _ in range(8)
        ]
    assert answers[alice.email] == answers["nobody@example.com"] == [302] * 5 + [429] * 3
    assert len(mailoutbox) == 10


def test_a_new_password_by_mail_opens_the_way_during_an_attack(alice, settings, mailoutbox):
    settings.HAS_EMAIL = True
    assert attack(alice.email, 60).status_code == 429
    guest, new = Client(REMOTE_ADDR="192.0.2.1"), "quite-another-password"
    assert sign_in_by_form(guest, alice.email).status_code == 429
    guest.post("/accounts/password/reset/", {"email": alice.email})
    path = re.search(r"http://testserver(\S+)", mailoutbox[0].body)[1]
    page = guest.get(path, follow=True)
    guest.post(page.redirect_chain[-1][0], {"password1": new, "password2": new})
    assert sign_in_by_form(guest, alice.email, new).status_code == 302


# --- the log ------------------------------------------------------------------------------------


def events(action):
    return list(Event.objects.filter(action=action).order_by("id"))


def test_coming_and_going_is_written_down(client, alice):
    sign_in_by_form(client, alice.email)
    client.post("/accounts/logout/")
    for action in (Action.SIGNED_IN, Action.SIGNED_OUT):
        (event,) = events(action)
        assert (event.actor, event.address) == (alice, "127.0.0.1")


def test_a_failed_sign_in_names_the_account_and_never_what_was_typed(client, alice):
    sign_in_by_form(client, alice.email.upper(), "hunter2-hunter2")
    sign_in_by_form(client, "my-password-by-mistake@example.com", "x")
    known, unknown = events(Action.SIGN_IN_FAILED)
    assert (known.actor, known.subject_id) == (None, str(alice.pk))
    assert (unknown.actor, unknown.subject_id, unknown.subject_name) == (None, "", "")
    everything = json.dumps(list(Event.objects.values()), default=str)
    assert "mistake" not in everything
    assert "hunter2" not in everything


def test_a_changed_password_is_written_down_and_ends_other_sessions(client, alice, sign_in):
    other = sign_in(alice)
    sign_in_by_form(client, alice.email)
    new = "quite-another-password"
    client.post(
        "/accounts/password/change/",
        {"oldpassword": PASSWORD, "password1": new, "password2": new},
    )
    assert is_in(client)
    assert not is_in(other)
    assert [event.actor for event in events(Action.PASSWORD_CHANGED)] == [alice]
    assert [row["is_here"] for row in listed(client)] == [True]


def test_a_password_reset_by_mail_ends_every_session(client, alice, settings, mailoutbox):
    settings.HAS_EMAIL = True
    sign_in_by_form(client, alice.email)
    guest = Client()
    guest.post("/accounts/password/reset/", {"email": alice.email})
    path = re.search(r"http://testserver(\S+)", mailoutbox[0].body)[1]
    page = guest.get(path, follow=True)
    new = "quite-another-password"
    guest.post(page.redirect_chain[-1][0], {"password1": new, "password2": new})
    assert not is_in(client)
    assert [event.details for event in events(Action.PASSWORD_CHANGED)] == [{"how": "mail"}]
    assert sign_in_by_form(guest, alice.email, new).status_code == 302


# --- second factors -----------------------------------------------------------------------------


def test_an_app_is_added_by_the_page_alone(client, alice, at_once):
    sign_in_by_form(client, alice.email)
    asked = client.get("/accounts/2fa/app/add/")
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    confirmed(client)
    page = client.get("/accounts/2fa/app/add/").content.decode()
    secret = re.search(r'class="secret">([A-Z2-7]+)<', page)[1]
    assert page.count('<svg class="qr"') == 1
    assert "data:" not in page
    assert client.post("/accounts/2fa/app/add/", {"code": "000000"}).status_code == 200
    with at_once():
        answer = client.post("/accounts/2fa/app/add/", {"code": code_of(secret)})
    assert answer["Location"] == "/accounts/2fa/codes/"
    page = client.get("/accounts/2fa/codes/").content.decode()
    codes = re.findall(r"<li><code>(\d{8})</code>", page)
    assert len(set(codes)) == 10
    assert not set(codes) & set(
        re.findall(r"\d{8}", client.get("/accounts/2fa/codes/").content.decode())
    )
    file = client.post("/accounts/2fa/codes/file/", {"codes": " ".join(codes)})
    assert file.content.decode().split() == codes
    assert "attachment" in file["Content-Disposition"]
    assert {e.details["kind"] for e in events(Action.FACTOR_ADDED)} == {"totp", "recovery_codes"}
    stored = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in stored


def test_the_code_is_asked_for_after_the_password(client, alice):
    give_app(alice)
    assert sign_in_by_form(client, alice.email)["Location"] == CODE
    assert not is_in(client)
    assert client.post(CODE, {"code": wrong_code()}).status_code == 200
    assert not is_in(client)
    assert client.post(CODE, {"code": code_of()}).status_code == 302
    assert is_in(client)
    (failed,) = events(Action.SIGN_IN_FAILED)
    assert (failed.actor, failed.subject_id, failed.details) == (
        None,
        str(alice.pk),
        {"step": "code"},
    )


def test_a_recovery_code_works_once(client, alice):
    codes = give_app(alice)
    for expected in (302, 200):
        guest = Client()
        sign_in_by_form(guest, alice.email)
        assert guest.post(CODE, {"code": codes[0]}).status_code == expected


def test_guessing_codes_is_stopped_and_the_owner_gets_in(client, alice):
    codes = give_app(alice)
    sign_in_by_form(client, alice.email)
    client.post(CODE, {"code": codes[0]})
    client.post("/accounts/logout/")
    thief = Client()
    for n in range(60):
        place = {"REMOTE_ADDR": f"198.51.100.{n + 1}"}
        sign_in_by_form(thief, alice.email, **place)
        answer = thief.post(CODE, {"code": wrong_code()}, **place)
    assert answer.status_code == 429
    sign_in_by_form(client, alice.email)
    assert client.post(CODE, {"code": codes[1]}).status_code == 302
    assert is_in(client)


def test_nothing_opens_before_the_second_factor_that_is_asked_for(ada, sign_in, at_once):
    client = sign_in(ada)
    Policy.objects.create(second_factor_for="admins")
    users.update_second_factor()
    for path in ("/", "/gallery/", "/team/budgets/", "/generations/poll/"):
        assert client.get(path)["Location"] == "/settings/security/", path
    poll = client.get("/generations/poll/", headers={"HX-Request": "true"})
    assert poll["HX-Redirect"] == "/settings/security/"
    assert client.get("/admin/", follow=True).redirect_chain[-1][0] == "/settings/security/"
    assert client.get("/admin/generations/user/").status_code == 302
    assert b"needs a second factor" in client.get("/settings/security/").content
    confirmed(client)
    page = client.get("/accounts/2fa/app/add/").content.decode()
    secret = re.search(r'class="secret">([A-Z2-7]+)<', page)[1]
    with at_once():
        client.post("/accounts/2fa/app/add/", {"code": code_of(secret)})
    assert client.get("/team/budgets/").status_code == 200
    assert client.get("/admin/").status_code == 200
    client.post("/accounts/2fa/app/remove/")
    assert client.get("/team/budgets/").status_code == 302
    assert not Authenticator.objects.exists()
    kinds = [event.details["kind"] for event in events(Action.FACTOR_REMOVED)]
    assert sorted(kinds) == ["recovery_codes", "totp"]


@pytest.mark.parametrize(
    "path", ["mfa/authenticator/", "usersessions/usersession/", "socialaccount/socialapp/"]
)
def test_the_admin_shows_no_secrets_of_signing_in(ada, sign_in, path):
    assert sign_in(ada).get(f"/admin/{path}").status_code == 404


def test_others_need_none(alice, rosa, sign_in):
    Policy.objects.create(second_factor_for="reviewers")
    users.update_second_factor()
    assert is_in(sign_in(alice))
    assert not is_in(sign_in(rosa))


FACTOR_PAGES = [
    "/accounts/2fa/app/add/",
    "/accounts/2fa/app/remove/",
    "/accounts/2fa/codes/",
    "/accounts/2fa/codes/new/",
    "/accounts/2fa/passkeys/add/",
    "/accounts/2fa/passkeys/1/rename/",
    "/accounts/2fa/passkeys/1/remove/",
]


@pytest.mark.parametrize("path", FACTOR_PAGES)
def test_changing_factors_asks_for_the_password_again(alice, sign_in, path):
    give_app(alice)
    client = sign_in(alice)
    for answer in (client.get(path), client.post(path)):
        if answer.status_code != 405:
            assert answer.status_code == 302
            assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert Authenticator.objects.count() == 2


@pytest.mark.parametrize("path", FACTOR_PAGES)
def test_factors_are_for_those_who_are_signed_in(client, path):
    for answer in (client.get(path), client.post(path)):
        assert answer.status_code == 302
        assert answer["Location"].startswith(LOGIN)


def test_anothers_passkey_is_not_there(alice, bob, sign_in):
    row = Authenticator.objects.create(user=alice, type="webauthn", data={"name": "Phone"})
    client = confirmed(sign_in(bob))
    for verb in ("rename", "remove"):
        assert client.post(f"/accounts/2fa/passkeys/{row.pk}/{verb}/").status_code == 404
    assert Authenticator.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize(
    "text", ["", "x", "{}", "[]", "null", '{"id": "x", "response": {"userHandle": "AA"}}']
)
def test_a_made_up_passkey_opens_nothing(client, alice, text):
    client.get("/accounts/2fa/passkeys/login/", headers={"Accept": "application/json"})
    answer = client.post("/accounts/2fa/passkeys/login/", {"credential": text})
    assert (answer.status_code, answer["Location"]) == (302, LOGIN)
    assert not is_in(client)


def test_a_passkeys_name_is_short(alice, sign_in):
    row = Authenticator.objects.create(user=alice, type="webauthn", data={"name": "Phone"})
    client = confirmed(sign_in(alice))
    path = f"/accounts/2fa/passkeys/{row.pk}/rename/"
    assert client.post(path, {"name": "x" * 81}).status_code == 200
    assert client.post(path, {"name": "<b>Lap</b>"}).status_code == 302
    assert "&lt;b&gt;Lap&lt;/b&gt;" in client.get("/settings/security/").content.decode()


def test_nobody_fills_the_database_with_sessions(client):
    for _ in range(70):
        client.cookies.clear()
        answer = client.get("/accounts/2fa/passkeys/login/", headers={"Accept": "application/json"})
    assert answer.status_code == 429


def test_secrets_are_encrypted_and_can_be_encrypted_again(alice):
    codes = give_app(alice)
    kept = {row.type: row.data for row in Authenticator.objects.all()}
    assert crypto.decrypt(kept["totp"]["secret"]) == SECRET
    assert factor.reencrypt(lambda old: crypto.encrypt(crypto.decrypt(old))) == 2
    for row in Authenticator.objects.all():
        assert row.data != kept[row.type]
        if row.type == "recovery_codes":
            assert row.wrap().generate_codes() == codes
        else:
            assert row.wrap().validate_code(code_of())


def test_the_file_holds_codes_and_nothing_else(alice, sign_in):
    asked = {"codes": "12345678 <script> 87654321\r\nX-Header: 1"}
    answer = sign_in(alice).post("/accounts/2fa/codes/file/", asked)
    assert answer.content == b"12345678\n87654321\n"
    assert answer["Content-Type"].startswith("text/plain")


# --- sessions -----------------------------------------------------------------------------------


def listed(client):
    return client.get("/settings/security/").context["sessions"]


def test_my_sessions_are_listed_and_end(client, alice):
    other = Client(headers={"User-Agent": "Mozilla/5.0 (iPhone; x) Version/18 Safari/604.1"})
    sign_in_by_form(client, alice.email)
    sign_in_by_form(other, alice.email)
    rows = {row["device"]: row for row in listed(client)}
    assert rows["Safari on iPhone"]["is_here"] is False
    path = f"/settings/sessions/{rows['Safari on iPhone']['pk']}/end/"
    assert client.get(path).status_code == 405
    assert client.post(path).status_code == 302
    assert not is_in(other)
    assert client.post(path).status_code == 404
    sign_in_by_form(other, alice.email)
    client.post("/settings/sessions/end/")
    assert (is_in(client), is_in(other)) == (True, False)


def test_anothers_session_is_not_there(client, alice, bob, sign_in):
    sign_in_by_form(client, alice.email)
    pk = UserSession.objects.get().pk
    assert sign_in(bob).post(f"/settings/sessions/{pk}/end/").status_code == 404
    assert is_in(client)


def test_the_list_costs_the_same_for_one_and_for_sixty(alice, sign_in):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    clients = [sign_in(alice)]
    listed(clients[0])
    with CaptureQueriesContext(connection) as one:
        assert len(listed(clients[0])) == 1
    for _ in range(59):
        clients.append(sign_in(alice))
        listed(clients[-1])
    with CaptureQueriesContext(connection) as sixty:
        assert len(listed(clients[0])) == 60
    assert len(sixty) == len(one) <= 12


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            "Firefox on Linux",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/130 Safari/537.36 Edg/130", "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) Version/18 Safari/605", "Safari on Mac"),
        ("Mozilla/5.0 (Linux; Android 14) Chrome/130 Mobile Safari/537", "Chrome on Android"),
        ("<script>", "Something that does not say what it is"),
        ("", "Something that does not say what it is"),
    ],
)
def test_a_device_in_words(user_agent, words):
    assert device(user_agent) == words


def test_polls_write_nothing(alice, sign_in):
    client = sign_in(alice)
    UserSession.objects.all().delete()
    cache.clear()
    client.get("/generations/poll/", headers={"HX-Request": "true"})
    assert not UserSession.objects.exists()


def test_the_last_admin_is_not_locked_out_of_the_way_to_a_factor(ada, sign_in):
    Policy.objects.create(second_factor_for="everyone")
    users.update_second_factor()
    client = sign_in(ada)
    for path in ("/settings/security/", "/accounts/password/change/", "/accounts/logout/"):
        assert client.get(path).status_code == 200, path
    assert client.post("/theme/", {"theme": "dark"}).status_code == 302
    assert User.objects.get(pk=ada.pk).needs_second_factor
