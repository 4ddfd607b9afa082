"""Every address × everybody × every verb. An address that TABLE does not know fails the test:
whoever adds one says here who may open it.

Everything that has an owner is Alice's and private; what a role may not open looks like nothing.
"""

import hashlib
import re

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.core.cache import cache
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import get_resolver, reverse
from django.urls.resolvers import RegexPattern

from generations.models import Case, Event, Image, SavedSearch
from generations.services import invite as invites
from generations.services import token as tokens
from generations.services import webhook as webhooks
from tests.builders import (
    make_collection,
    make_generation,
    make_image,
    make_recipe,
    make_share,
    make_user,
)

pytestmark = [pytest.mark.services, pytest.mark.django_db]
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
PASSWORD_OF_LINK = "hush-hush"

# --- who ----------------------------------------------------------------------------------------

OUTSIDE = ("anonymous", "deactivated", "guest")
MEMBERS = {"stranger", "other", "owner", "reviewer", "admin"}
# An admin whose second factor is asked for and missing: sees only what sets one up.
SIGNED_IN = MEMBERS | {"pending"}
OWNER, LOOKED_AFTER = {"owner"}, {"owner", "admin"}
REVIEWERS, ADMINS = {"reviewer", "admin"}, {"admin"}
EVERYBODY = {*OUTSIDE, *SIGNED_IN}
GUESTS, NOBODY = {"guest"}, set()
ROLES = sorted(EVERYBODY)

# name: who may GET (HEAD as well, or 405), and who may POST; None: nobody has that verb.
TABLE = {
    "studio": (MEMBERS, None),
    "composer": (MEMBERS, None),
    "composer-file": (None, MEMBERS),
    "composer-price": (MEMBERS, None),
    "generations": (MEMBERS, MEMBERS),
    "generation-bulk": (None, MEMBERS),
    "generation-poll": (MEMBERS, None),
    "generation-detail": (LOOKED_AFTER, None),
    "generation-cancel": (None, OWNER),
    "generation-retry": (None, OWNER),
    "generation-dismiss": (None, OWNER),
    "generation-resolve": (None, LOOKED_AFTER),
    "gallery": (MEMBERS, None),
    "gallery-count": (MEMBERS, None),
    "gallery-filters": (MEMBERS, None),
    "search-save": (None, MEMBERS),
    "search-delete": (None, OWNER),
    "images-compare": (OWNER, MEMBERS),
    "images-delete": (None, MEMBERS),
    "images-restore": (None, MEMBERS),
    "images-erase": (None, MEMBERS),
    "images-zip": (None, MEMBERS),
    "collections": (MEMBERS, MEMBERS),
    "collection-add": (None, MEMBERS),
    "collections-order": (None, MEMBERS),
    "collection-detail": (OWNER, OWNER),
    "collection-people": (None, OWNER),
    "collection-delete": (None, OWNER),
    "collection-restore": (None, OWNER),
    "collection-order": (None, OWNER),
    "collection-cover": (None, OWNER),
    "collection-remove": (None, OWNER),
    "collection-put-back": (None, OWNER),
    "image-marks": (None, MEMBERS),
    "image-mark": (None, OWNER),
    "tags": (MEMBERS, None),
    "image-detail": (OWNER, None),
    "image-file": (OWNER, None),
    "image-report": (OWNER, OWNER),
    "image-answer": (None, OWNER),
    "image-appeal": (None, OWNER),
    "images-seen": (None, MEMBERS),
    "recipes": (MEMBERS, MEMBERS),
    "recipe-detail": (OWNER, OWNER),
    "recipe-use": (None, OWNER),
    "recipe-delete": (None, OWNER),
    "recipe-restore": (None, OWNER),
    "shares": (MEMBERS, MEMBERS),
    "share-new": (MEMBERS, MEMBERS),
    "share-revoke-all": (None, MEMBERS),
    "share-detail": (LOOKED_AFTER, OWNER),
    "share-poll": (OWNER, None),
    "share-revoke": (None, LOOKED_AFTER),
    "share-collected": (OWNER, None),
    "review": (REVIEWERS, None),
    "review-many": (None, REVIEWERS),
    "review-decided": (REVIEWERS, None),
    "review-statistics": (REVIEWERS, None),
    "review-image": (REVIEWERS, REVIEWERS),
    "review-skip": (None, REVIEWERS),
    "review-claim": (None, REVIEWERS),
    "review-ask": (None, REVIEWERS),
    "review-blur": (REVIEWERS, None),
    "review-undo": (None, NOBODY),
    "settings": (MEMBERS, MEMBERS),
    "settings-profile": (None, MEMBERS),
    "settings-key-test": (None, MEMBERS),
    "settings-key-remove": (None, MEMBERS),
    "settings-tokens": (MEMBERS, MEMBERS),
    "settings-token-revoke": (None, OWNER),
    "settings-webhooks": (MEMBERS, MEMBERS),
    "settings-webhook-test": (None, OWNER),
    "settings-webhook-delete": (None, OWNER),
    "settings-usage": (MEMBERS, None),
    "settings-usage-csv": (MEMBERS, None),
    "security": (SIGNED_IN, None),
    "sessions-end": (None, SIGNED_IN),
    "session-end": (None, OWNER),
    "team-members": (ADMINS, None),
    "team-person": (ADMINS, None),
    "team-person-role": (None, ADMINS),
    "team-person-exceptions": (None, ADMINS),
    "team-person-deactivate": (None, ADMINS),
    "team-person-activate": (None, ADMINS),
    "team-person-sessions": (None, ADMINS),
    "team-person-links": (None, ADMINS),
    "team-invites": (ADMINS, ADMINS),
    "team-invite-withdraw": (None, ADMINS),
    "team-policy": (ADMINS, ADMINS),
    "team-key": (ADMINS, ADMINS),
    "team-key-test": (None, ADMINS),
    "team-key-remove": (None, ADMINS),
    "team-shares": (ADMINS, None),
    "team-usage": (ADMINS, None),
    "team-usage-csv": (ADMINS, None),
    "team-budgets": (ADMINS, ADMINS),
    "team-server": (ADMINS, None),
    "team-audit": (ADMINS, None),
    "team-audit-csv": (ADMINS, None),
    "team-audit-jsonl": (ADMINS, None),
    # A link with a password: without its ticket it is a form for it, and nothing else.
    "guest": (EVERYBODY, None),
    "guest-unlock": (None, EVERYBODY),
    "guest-send": (None, GUESTS),
    "guest-zip": (GUESTS, None),
    "guest-image": (GUESTS, None),
    "guest-pick": (None, GUESTS),
    "guest-file": (GUESTS, None),
    "guest-nothing": (NOBODY, NOBODY),
    "theme": (None, EVERYBODY),
    "healthz": (EVERYBODY, None),
    "readyz": (EVERYBODY, None),
    # All of these come from this machine: tests/views/test_metrics.py has the others.
    "metrics": (EVERYBODY, None),
}
# allauth's pages decide by themselves; what they may answer whom is below.
ENTRANCE = {
    "account_login",
    "account_logout",
    "account_inactive",
    "account_signup",
    "account_signup_confirm",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "mfa_authenticate",
    "mfa_login_webauthn",
    "openid_connect_login",
    "openid_connect_callback",
    "invite",
}
INSIDE = {
    "account_reauthenticate",
    "account_change_password",
    "account_set_password",
    "mfa_index",
    "mfa_reauthenticate",
    "mfa_activate_totp",
    "mfa_deactivate_totp",
    "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes",
    "mfa_download_recovery_codes",
    "mfa_list_webauthn",
    "mfa_add_webauthn",
    "mfa_reauthenticate_webauthn",
    "mfa_edit_webauthn",
    "mfa_remove_webauthn",
}
# No CSRF token there, and why: views.access.guest.
# Of these the body says what is meant: to whom that is not there, the address is not either.
NAMED_INSIDE = {"collections", "collections-order", "recipes", "shares", "share-new"}
WITHOUT_CSRF = {name for name in TABLE if name.startswith("guest")}


UNSAFE = ("post", "put", "patch", "delete")


def walk(resolver, namespace=""):
    for pattern in resolver.url_patterns:
        if hasattr(pattern, "url_patterns"):
            yield from walk(pattern, pattern.namespace or namespace)
        else:
            yield namespace, pattern


def addresses():
    """name -> pattern of everything outside Django's admin."""
    found = {}
    for namespace, pattern in walk(get_resolver()):
        if namespace != "admin" and pattern.name is not None:
            found[pattern.name] = pattern
    return found


def pages():
    """Without what is for programs, who come with a token: tests/api/test_api_access.py."""
    return {name: found for name, found in addresses().items() if not name.startswith("api-")}


def test_every_address_is_in_the_table():
    nameless = {str(p.pattern) for space, p in walk(get_resolver()) if not space and not p.name}
    # In front of Django's admin; test_djangos_admin comes by them.
    assert nameless <= {"admin/login/", "admin/password_change/"}
    assert pages().keys() == TABLE.keys() | ENTRANCE | INSIDE


# --- the world ----------------------------------------------------------------------------------


class World:
    """Alice's things, and a client for each role."""

    def __init__(self, alice, bob, rosa, ada, charlie):
        carol = make_user("carol@example.com")
        pending = make_user("grace@example.com", role="admin", needs_second_factor=True)
        self.image = self._things_of(carol)
        self.image = self._things_of(alice)
        self.second = make_image(alice, visibility=Image.Visibility.PRIVATE)
        self.held = make_image(alice, state=Image.State.HELD)
        self.case = Case.objects.create(
            image=self.held, image_uuid=self.held.pk, user=alice, reasons=["reported"]
        )
        self.clients = {
            "anonymous": Client(),
            "deactivated": self._signed_in(charlie, is_active=True),
            "guest": Client(),
            "stranger": self._signed_in(bob),
            "other": self._signed_in(carol),
            "owner": self._signed_in(alice),
            "reviewer": self._signed_in(rosa),
            "admin": self._signed_in(ada),
            "pending": self._signed_in(pending),
        }
        charlie.is_active = False
        charlie.save()
        self.clients["owner"].get(reverse("security"))
        self.session = UserSession.objects.filter(user=alice).first()
        self.factor = Authenticator.objects.create(
            user=alice, type=Authenticator.Type.WEBAUTHN, data={"name": "Key"}
        )
        self.invite = invites.create(ada, role="member")
        self.token = tokens.create(alice, name="Script", scopes=["generate"])[0]
        self.webhook = webhooks.create(
            alice, url="https://hooks.example/here", events=["generation.succeeded"]
        )[0]
        self._unlock(self.clients["guest"])
        self._cookies = {role: dict(c.cookies.items()) for role, c in self.clients.items()}
        self.alice = alice

    def _things_of(self, user):
        private = {"visibility": Image.Visibility.PRIVATE}
        self.generation = make_generation(user, prompt=f"A secret of {user.pk}")
        image = make_image(user, generation=self.generation, **private)
        self.collection = make_collection(user, images=[image])
        self.recipe = make_recipe(user, generation=self.generation)
        self.search = SavedSearch.objects.create(user=user, name="Mine", query="q=x")
        self.share, self.link = make_share(
            user, images=[image], password=PASSWORD_OF_LINK, download=True, picks=True
        )
        return image

    def _signed_in(self, user, **changes):
        """Whoever is deactivated was signed in when that happened."""
        for name, value in changes.items():
            setattr(user, name, value)
            user.save()
        client = Client()
        client.force_login(user, backend=BACKEND)
        return client

    def _unlock(self, client):
        answer = client.post(f"{self.link}unlock/", {"password": PASSWORD_OF_LINK})
        assert answer.status_code == 303

    def client(self, role):
        """As it was at the beginning: signed in, whatever was answered before."""
        client = self.clients[role]
        client.cookies.clear()
        client.cookies.update(self._cookies[role])
        return client

    def address(self, name):
        pattern = addresses()[name]
        parts = (
            pattern.pattern.regex.groupindex
            if isinstance(pattern.pattern, RegexPattern)
            else pattern.pattern.converters
        )
        url = reverse(name, kwargs={part: self._part(name, part) for part in parts})
        if name == "images-compare":
            return f"{url}?images={self.image.pk}&images={self.second.pk}"
        return url

    def _part(self, name, part):
        if part == "pk":
            return self._pk(name)
        return {
            "kind": "w512",
            "token": self.link.split("/")[2] if name.startswith("guest") else "no-token",
            "rest": "elsewhere",
            "uidb36": "1",
            "key": "no-key",
            "provider_id": "no-provider",
        }[part]

    def body(self, name):
        """What is posted everywhere: Alice's things, under every name that a form of ours has."""
        return {
            "images": [self.image.pk, self.held.pk],
            "item": self.collection.pk if name == "collections-order" else self.image.pk,
            "generation": self.generation.pk,
            "made_from": self.generation.pk,
            "image": self.image.pk,
            "collection": self.collection.pk,
            "parent": self.collection.pk,
            "recipe": self.recipe.pk,
            "person": self.alice.pk,
            "user": self.alice.pk,
            "move": "first",
            "tag": "taken",
            "rating": "1",
            "favourite": "on",
            "visibility": "team",
            "decision": "approve",
            "charged": "no",
            "role": "admin",
            "name": "Mine now",
            "everybody": "on",
            "next": "https://elsewhere.example/",
        }

    def _pk(self, name):
        if name in ("image-answer", "image-appeal") or name.startswith("review"):
            return self.held.pk
        for beginning, row in (
            ("generation", self.generation),
            ("search", self.search),
            ("share-collected", self.collection),
            ("share", self.share),
            ("collection", self.collection),
            ("recipe", self.recipe),
            ("team-invite", self.invite),
            ("team-person", self.image.user),
            ("session", self.session),
            ("settings-token", self.token),
            ("settings-webhook", self.webhook),
            ("mfa", self.factor),
        ):
            if name.startswith(beginning):
                return row.pk
        return self.image.pk


@pytest.fixture
def world(standin, alice, bob, rosa, ada, charlie):
    return World(alice, bob, rosa, ada, charlie)


def asked(world, role, verb, name, **headers):
    """The answer, and everything that it changed is taken back."""
    client = world.client(role)
    with transaction.atomic():
        body = (world.body(name),) if verb == "post" else ()
        answer = getattr(client, verb)(world.address(name), *body, headers=headers)
        if verb not in ("get", "head"):
            transaction.set_rollback(True)
            cache.clear()
    return answer


def is_to_sign_in(answer):
    return answer.status_code == 302 and answer["Location"].startswith("/accounts/login/")


def is_shut(role, answer):
    """What somebody gets who may not: sign-in from outside, nothing inside."""
    if answer.status_code == 404:
        return True
    if role in OUTSIDE:
        return is_to_sign_in(answer)
    return role == "pending" and answer.get("Location") == reverse("security")


def is_open(answer):
    """Anything that an answer to a half-empty request may be; no refusal, no fault."""
    if answer.status_code == 302 and answer["Location"].startswith("/accounts/"):
        return False
    return answer.status_code in (200, 204, 302, 303, 400, 409, 422, 429)


def is_right(name, role, may, answer):
    if may is None and answer.status_code == 405:
        return True
    if name == "readyz":
        return answer.status_code in (200, 503)  # no broker and no worker live in this test
    if may is None or role not in may:
        return is_shut(role, answer)
    return is_open(answer) or (name in NAMED_INSIDE and answer.status_code == 404)


def has_body(answer):
    return not answer.streaming and bool(answer.content)


# --- the matrix ---------------------------------------------------------------------------------


def wrong(name, role, verb, answer):
    where = answer.get("Location", "")
    return f"{verb.upper()} {name} as {role}: {answer.status_code} {where}".strip()


@pytest.mark.parametrize("role", ROLES)
def test_reading(world, role):
    """Who may GET; a HEAD answers as that, or not at all. Nothing is changed by either.

    The same through htmx: an address is no less guarded because a page asks for it.
    """
    before, found = state(), []
    for name, (may, _) in TABLE.items():
        answer, head = (asked(world, role, verb, name) for verb in ("get", "head"))
        if not is_right(name, role, may, answer):
            found.append(wrong(name, role, "get", answer))
        if head.status_code not in (answer.status_code, 405) or has_body(head):
            found.append(wrong(name, role, "head", head))
        if may is not None and role not in may:
            answer = asked(world, role, "get", name, **{"HX-Request": "true"})
            is_sent_away = "HX-Redirect" in answer and not answer.content
            if answer.status_code != 404 and not is_sent_away:
                found.append(wrong(name, role, "htmx get", answer))
    assert "\n".join(found) == ""
    assert changes(before, state()) == []


@pytest.mark.parametrize("role", ROLES)
def test_writing(world, role):
    """Who may POST; nobody does anything by another verb."""
    found = []
    for name, (_, may) in TABLE.items():
        answer = asked(world, role, "post", name)
        if not is_right(name, role, may, answer):
            found.append(wrong(name, role, "post", answer))
        for verb in UNSAFE[1:] if role in LOOKED_AFTER else UNSAFE[1:2]:
            answer = asked(world, role, verb, name)
            if answer.status_code != 405 and not is_shut(role, answer):
                found.append(wrong(name, role, verb, answer))
    assert "\n".join(found) == ""


@pytest.mark.parametrize("role", sorted(EVERYBODY - {"owner", "admin"}))
def test_nobody_does_anything_to_what_is_alices(world, role):
    """Kept, not taken back: whatever a POST with her ids did would be seen."""
    before = hers(world.alice)
    for name, (_, may) in TABLE.items():
        if may is not None and name not in OF_GUESTS_AND_REVIEWERS:
            world.client(role).post(world.address(name), world.body(name))
    assert changes(before, hers(world.alice)) == []


# What guests and reviewers do to what is hers.
OF_GUESTS_AND_REVIEWERS = {name for name, (_, may) in TABLE.items() if may in (GUESTS, REVIEWERS)}


def hers(alice):
    """A fingerprint of all that is Alice's, by the kind of it."""
    found = {"user": _fingerprint(type(alice), pk=alice.pk)}
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if field.related_model is type(alice) and model is not Event:
                label = f"{model._meta.label_lower}.{field.name}"
                found[label] = _fingerprint(model, **{field.name: alice.pk})
            elif getattr(field.related_model, "user", None) and field.name != "session":
                label = f"{model._meta.label_lower}.{field.name}.user"
                found[label] = _fingerprint(model, **{f"{field.name}__user": alice.pk})
    return found


@pytest.mark.parametrize(("role", "verbs"), [("admin", UNSAFE), ("anonymous", UNSAFE[:1])])
def test_every_write_needs_its_token(world, settings, role, verbs):
    """From another site a browser sends the cookies, and not the token."""
    settings.CSRF_FAILURE_VIEW = "tests.views.test_matrix.refused"
    found = []
    world.clients[role].handler.enforce_csrf_checks = True
    for name in [*TABLE, *ENTRANCE, *INSIDE]:
        for verb in verbs if name not in WITHOUT_CSRF else ():
            answer = asked(world, role, verb, name)
            # Where the address is a secret, the verb is looked at first.
            is_refused = answer.status_code == 403 or (
                name in ("invite", "account_signup_confirm")
                and answer.status_code == 405
                and verb != "post"
            )
            if not is_refused:
                found.append(wrong(name, role, verb, answer))
    assert "\n".join(found) == ""


def refused(request, reason=""):
    return HttpResponse(status=403)


@pytest.mark.parametrize("name", sorted(WITHOUT_CSRF))
def test_what_needs_no_token_refuses_other_sites(world, name):
    answer = asked(world, "guest", "post", name, **{"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code in (404, 405)


@pytest.mark.parametrize("role", ROLES)
def test_the_entrance(world, role):
    """allauth's pages and ours beside them: no fault, nothing inside for whoever is outside, and
    nothing of Alice's for anybody else."""
    before, found = state(), []
    for name in sorted(ENTRANCE | INSIDE):
        if role == "owner" and name == "mfa_reauthenticate_webauthn":
            continue  # her passkey is made up
        for verb in ("get", "post", "put", "patch", "delete"):
            answer = asked(world, role, verb, name)
            is_fine = answer.status_code < 500
            if name in INSIDE and role in OUTSIDE:
                is_fine = answer.status_code in (404, 405) or is_to_sign_in(answer)
                is_fine |= is_redirect_inside(answer)
            # allauth answers a link with a wrong key the same by every verb: that it is wrong.
            if verb in ("patch", "delete") and name != "account_reset_password_from_key":
                is_fine &= answer.status_code != 200
            if not is_fine:
                found.append(wrong(name, role, verb, answer))
    assert "\n".join(found) == ""
    assert changes(before, state()) == []


def is_redirect_inside(answer):
    """allauth's index of factors leads to our page, which asks to sign in."""
    return answer.status_code == 302 and answer["Location"] == reverse("security")


@pytest.mark.parametrize("role", ROLES)
def test_djangos_admin(world, role):
    """For admins alone, each of its pages; GET changes nothing there either."""
    before, found = state(), []
    for namespace, pattern in walk(get_resolver()):
        if namespace != "admin":
            continue
        address = "/admin/" + re.sub(r"<[^>]+>|\(\?P.*", "1", str(pattern.pattern)).strip("^$")
        client = world.client(role)
        for verb in ("get", "post"):
            with transaction.atomic():
                answer = getattr(client, verb)(address)
                transaction.set_rollback(True)
            if answer.status_code >= 500:
                found.append(wrong(address, role, verb, answer))
            if role != "admin" and answer.status_code not in (301, 302, 404):
                found.append(wrong(address, role, verb, answer))
    assert "\n".join(found) == ""
    assert changes(before, state()) == []
    page = world.client(role).get("/admin/generations/user/", follow=True)
    assert (b'id="changelist"' in page.content) == (role == "admin")


# --- what a GET changed -------------------------------------------------------------------------

# What a GET may change, and why.
MAY_CHANGE = {
    # Each visit of a session: when it was last seen, and when it ends.
    "sessions.session": None,
    "usersessions.usersession": None,
    # A guest's visit is counted.
    "generations.share": {"visits", "visited_at"},
    # allauth copies a person's address when it looks at a link for a new password.
    "account.emailaddress": None,
    # A download is noted; `events` looks that nothing else is.
    "generations.event": None,
}


def state():
    """A fingerprint of each table, without what may change."""
    return {
        model._meta.label_lower: _fingerprint(model)
        for model in apps.get_models()
        if model._meta.managed and MAY_CHANGE.get(model._meta.label_lower, ()) is not None
    } | {"events": events()}


def _fingerprint(model, **whose):
    left_out = MAY_CHANGE.get(model._meta.label_lower) or set()
    names = [f.attname for f in model._meta.concrete_fields if f.attname not in left_out]
    rows = sorted(map(repr, model._base_manager.filter(**whose).values_list(*names)))
    return len(rows), hashlib.sha256("".join(rows).encode()).hexdigest()


def events():
    """Which lines there are in the audit log, exports left out."""
    return sorted(Event.objects.exclude(action="export.made").values_list("action", flat=True))


def changes(before, after):
    return [label for label in after if before.get(label) != after[label]]
