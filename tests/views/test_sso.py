"""Signing in through a provider: a small one of our own answers, over real HTTP."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from allauth.mfa.totp.internal.auth import TOTP
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from generations.models import Event, Policy, User
from generations.services import user as users
from generations.services.audit import Action, coming_from
from tests.builders import PASSWORD

pytestmark = pytest.mark.django_db
START = "/accounts/oidc/sso/login/"


class Provider(BaseHTTPRequestHandler):
    """Discovery, token and userinfo. Who stands before it is `server.claims`."""

    def do_GET(self):
        home = f"http://127.0.0.1:{self.server.server_port}"
        if self.path == "/.well-known/openid-configuration":
            names = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
            return self.answer({"issuer": home} | {name: f"{home}/{name}" for name in names})
        self.answer(self.server.claims)

    def do_POST(self):
        sent = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.asked.append(sent)
        home = f"http://127.0.0.1:{self.server.server_port}"
        now = int(time.time())
        claims = self.server.claims | {"iss": home, "aud": "studio", "iat": now, "exp": now + 60}
        token = jwt.encode(claims, "x" * 32, algorithm="HS256")
        self.answer({"access_token": "a", "token_type": "Bearer", "id_token": token})

    def answer(self, data):
        body = json.dumps(data).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def provider(settings):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    server.claims, server.asked, server.status = {}, [], 200
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.OIDC_NAME = "Example ID"
    app = settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"][0]
    app = app | {"settings": {"server_url": f"http://127.0.0.1:{server.server_port}"}}
    settings.SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}
    }
    yield server
    server.shutdown()
    server.server_close()


def come(client, provider, **claims):
    """Through the provider and back; the last answer."""
    provider.claims = {"sub": "42", "email_verified": True, **claims}
    there = urlsplit(client.get(START)["Location"])
    asked = parse_qs(there.query)
    assert asked["client_id"] == ["studio"]
    assert asked["code_challenge_method"] == ["S256"]
    return client.get(f"{START}callback/", {"code": "c", "state": asked["state"][0]})


def is_in(client):
    return client.get("/settings/").status_code == 200


def said(client):
    return client.get("/accounts/login/").content.decode()


def test_somebody_with_an_account_comes_in_and_stays_connected(client, provider, alice):
    assert come(client, provider, email="Alice@Example.com")["Location"] == "/"
    assert is_in(client)
    assert SocialAccount.objects.get().user == alice
    assert Event.objects.filter(action=Action.SIGNED_IN, actor=alice).count() == 1
    # From now on it is the provider's number that counts, not the address.
    again = Client()
    come(again, provider, email="another@example.com", email_verified=False)
    assert is_in(again)
    assert User.objects.count() == 1
    assert User.objects.get().check_password(PASSWORD)


@pytest.mark.parametrize("verified", [False, None, "true", "false", 1])
def test_an_address_that_is_not_proved_opens_nothing(client, provider, alice, verified):
    assert come(client, provider, email=alice.email, email_verified=verified).status_code == 302
    assert not is_in(client)
    assert "does not say that your address is yours" in said(client)
    assert not SocialAccount.objects.exists()


def test_strangers_stay_out_unless_sign_up_is_open(client, provider, alice):
    come(client, provider, email="new@example.com", name="New")
    assert not is_in(client)
    assert "Ask an admin" in said(client)
    Policy.objects.create(is_signup_open=True)
    come(client, provider, email="New@Example.com", name="Nora  New\n")
    assert is_in(client)
    new = User.objects.get(email="new@example.com")
    assert (new.name, new.role, new.has_usable_password()) == ("Nora New", "member", False)
    added = Event.objects.get(action=Action.USER_ADDED, subject_id=str(new.pk))
    assert added.details["how"] == "provider"


def test_who_was_let_go_stays_out(client, provider, charlie):
    assert come(client, provider, email=charlie.email)["Location"] == "/accounts/inactive/"
    assert not is_in(client)


def test_the_second_factor_is_asked_for_here_too(client, provider, alice):
    TOTP.activate(alice, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    answer = come(client, provider, email=alice.email)
    assert answer["Location"] == "/accounts/2fa/authenticate/"
    assert not is_in(client)


def test_whoever_took_the_address_before_its_owner_is_out(client, provider, sign_in):
    with coming_from(Event.Via.WEB):
        taken = users.keep(users.new("owner@example.com", PASSWORD), by=None, how="sign-up")
    thief = sign_in(taken)
    TOTP.activate(taken, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    come(client, provider, email="owner@example.com")
    assert is_in(client)
    assert not is_in(thief)
    taken.refresh_from_db()
    assert not taken.has_usable_password()


def test_a_provider_that_is_down_is_said_so(client, provider, alice):
    provider.status = 503
    assert client.get(START)["Location"] == "/accounts/login/"
    assert "did not answer" in said(client)


@pytest.mark.parametrize(
    "query", ["", "?error=access_denied", "?code=c&state=made-up", "?code=c", "?state=x&error=x"]
)
def test_what_did_not_begin_here_does_not_end_here(client, provider, alice, query):
    provider.claims = {"sub": "1", "email": alice.email, "email_verified": True}
    answer = client.get(f"{START}callback/{query}")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/")
    assert not is_in(client)


def test_nothing_but_signing_in_begins_here(client, provider, alice):
    assert client.get(f"{START}?process=connect")["Location"] == START
    assert client.post(START).status_code == 405
    assert client.get("/accounts/oidc/other/login/").status_code == 404


def test_the_page_offers_it_by_name_only_where_there_is_one(client, provider, settings):
    assert "Sign in with Example ID" in said(client)
    settings.OIDC_NAME = ""
    assert "Sign in with" not in said(client)
