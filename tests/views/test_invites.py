"""Invitations: the admins' list, and the page behind such a link."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from generations.models import Event, Invite, User
from generations.services import invite as services
from tests.builders import PASSWORD, make_user
from tests.views.test_queries import MOST_A_PAGE, queries

pytestmark = pytest.mark.django_db

NEW = {"name": "Nina New", "email": "new@example.com", "password": PASSWORD}


def path_of(invite: Invite) -> str:
    return reverse("invite", args=[services.token_of(invite)])


@pytest.fixture
def invite(ada):
    return services.create(ada, role="reviewer")


# --- the list -----------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["alice", "rosa"])
def test_for_others_there_are_no_invitations(who, invite, sign_in, request):
    client = sign_in(request.getfixturevalue(who))
    withdraw = reverse("team-invite-withdraw", args=[invite.pk])
    assert client.get("/team/invites/").status_code == 404
    assert client.post("/team/invites/", {"role": "admin"}).status_code == 404
    assert client.post(withdraw).status_code == 404
    assert Invite.objects.filter(revoked_at=None).count() == 1


def test_one_is_made_and_shown(ada, sign_in):
    client = sign_in(ada)
    response = client.post("/team/invites/", {"role": "reviewer", "days": "3"})
    invite = Invite.objects.get()
    assert (response.status_code, invite.role) == (303, "reviewer")
    assert invite.expires_at - timezone.now() < timedelta(days=3)
    page = client.get(response["Location"]).content.decode()
    link = re.search(r'value="(http[^"]+/invite/[^"]+/)"', page)[1]
    assert link.endswith(path_of(invite))


def test_seven_days_unless_said(ada, sign_in):
    sign_in(ada).post("/team/invites/", {"role": "member"})
    left = Invite.objects.get().expires_at - timezone.now()
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"role": "owner"}, "role"),
        ({}, "role"),
        ({"role": "member", "days": "0"}, "days"),
        ({"role": "member", "days": "31"}, "days"),
        ({"role": "member", "days": "9" * 400}, "days"),
        ({"role": "member", "days": "soon"}, "days"),
        ({"role": "member", "email": "nobody"}, "email"),
        ({"role": "member", "email": "ada@example.com"}, "email"),
        ({"role": "member", "email": "a\0@example.com"}, "email"),
    ],
)
def test_what_cannot_be_made_is_said_at_its_field(ada, sign_in, given, field):
    response = sign_in(ada).post("/team/invites/", given)
    assert response.status_code == 422
    assert f'id="{field}-error"' in response.content.decode()
    assert not Invite.objects.exists()


def test_the_mail_is_sent_or_not_and_that_is_said(ada, sign_in, settings, mailoutbox):
    client = sign_in(ada)
    given = {"role": "member", "email": "new@example.com"}
    settings.HAS_EMAIL = True
    page = client.post("/team/invites/", given, follow=True)
    assert "on its way to new@example.com" in page.content.decode()
    assert path_of(Invite.objects.get()) in mailoutbox[0].body
    Invite.objects.all().delete()
    settings.HAS_EMAIL = False
    page = client.post("/team/invites/", given, follow=True)
    assert "No mail was sent" in page.content.decode()
    assert len(mailoutbox) == 1


def test_withdrawn_is_withdrawn(ada, invite, sign_in, client):
    boss, url = sign_in(ada), reverse("team-invite-withdraw", args=[invite.pk])
    assert boss.get(url).status_code == 405
    assert "withdrawn" in boss.post(url, follow=True).content.decode()
    assert client.get(path_of(invite)).status_code == 404
    assert "already" in boss.post(url, follow=True).content.decode()


def test_states_and_their_tabs(ada, sign_in):
    now = timezone.now()
    for change in (
        {},
        {"used_at": now, "used_by": ada},
        {"revoked_at": now},
        {"expires_at": now - timedelta(days=1)},
    ):
        made = services.create(ada, role="member")
        if change:
            Invite.objects.filter(pk=made.pk).update(**change)
    client = sign_in(ada)
    for show, word in (
        ("open", "Open until"),
        ("used", "Used by Ada"),
        ("withdrawn", "Withdrawn"),
        ("expired", "Expired"),
    ):
        (row,) = client.get(f"/team/invites/?show={show}").context["rows"]
        assert row["state"].startswith(word)
        assert bool(row["link"]) == bool(row["withdraw_url"]) == (show == "open")
    assert len(client.get("/team/invites/?show=nonsense").context["rows"]) == 4


def test_many_are_paged_without_a_gap(ada, sign_in):
    for _ in range(120):
        services.create(ada, role="member")
    client, url, seen = sign_in(ada), "/team/invites/", []
    while url:
        context = client.get(url).context
        seen += [row["show_url"] for row in context["rows"]]
        url = context["next_url"]
    assert len(seen) == len(set(seen)) == 120


def test_the_list_costs_the_same_for_one_and_for_sixty(ada, sign_in, invite):
    client = sign_in(ada)
    client.get("/team/invites/")
    one = queries(client, "/team/invites/")
    for number in range(60):
        made = services.create(ada, role="member")
        used_by = make_user(f"p{number}@example.com")
        Invite.objects.filter(pk=made.pk).update(used_at=timezone.now(), used_by=used_by)
    assert queries(client, "/team/invites/") == one <= MOST_A_PAGE


@pytest.mark.parametrize(
    "query", ["made=x", "after=x", "after=9-9", "made=" + "9" * 99, "show=%00"]
)
def test_hostile_addresses(ada, invite, sign_in, query):
    assert sign_in(ada).get(f"/team/invites/?{query}").status_code == 200


# --- behind the link ----------------------------------------------------------------------------


def test_the_page_tells_nothing_and_goes_nowhere(client, ada, invite):
    response = client.get(path_of(invite))
    page = response.content.decode()
    assert response.status_code == 200
    assert (response["Cache-Control"], response["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert "noindex" in response["X-Robots-Tag"]
    assert ada.email not in page
    assert ada.name not in page


def test_it_makes_the_account_and_signs_in(client, invite):
    response = client.post(path_of(invite), NEW)
    assert (response.status_code, response["Location"]) == (303, "/")
    user = User.objects.get(email="new@example.com")
    assert (user.role, user.name) == ("reviewer", "Nina New")
    assert client.get("/settings/").status_code == 200
    actions = list(Event.objects.values_list("action", flat=True))
    for action in ("user.added", "invite.used", "user.signed_in"):
        assert actions.count(action) == 1, action


def test_its_email_is_the_one_that_counts(client, ada):
    invite = services.create(ada, role="member", email="named@example.com")
    page = client.get(path_of(invite)).content.decode()
    assert 'name="email"' not in page
    client.post(path_of(invite), NEW)
    assert User.objects.filter(email="named@example.com").exists()
    assert not User.objects.filter(email="new@example.com").exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"email": ""}, "email"),
        ({"email": "nobody"}, "email"),
        ({"email": "Ada@Example.com"}, "email"),
        ({"password": ""}, "password"),
        ({"password": "12345678"}, "password"),
        ({"password": "new@example.com"}, "password"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(client, invite, change, field):
    response = client.post(path_of(invite), NEW | change)
    page = response.content.decode()
    assert response.status_code == 422
    assert f'id="{field}-error"' in page
    assert PASSWORD not in page
    assert User.objects.count() == 1
    assert client.post(path_of(invite), NEW).status_code == 303


def over(change, invite):
    Invite.objects.filter(pk=invite.pk).update(**change)
    return path_of(invite)


def test_whatever_is_wrong_with_a_link_is_one_answer(client, ada, invite):
    now = timezone.now()
    others = [services.create(ada, role="member") for _ in range(4)]
    paths = [
        "/invite/nobody-has-this/",
        over({"used_at": now}, others[0]),
        over({"revoked_at": now}, others[1]),
        over({"expires_at": now}, others[2]),
    ]
    User.objects.filter(pk=ada.pk).update(is_active=False)
    paths.append(path_of(invite))
    answers = [
        (response.status_code, re.sub(rb'value="\w{64}"', b"", response.content))
        for path in paths
        for response in (client.get(path), client.post(path, NEW))
    ]
    assert {status for status, _ in answers} == {404}
    assert len({page for _, page in answers}) == 1
    assert client.get(paths[0])["Referrer-Policy"] == "no-referrer"
    assert not User.objects.filter(email="new@example.com").exists()


@pytest.mark.parametrize("token", ["%00", "..%2f..", "é" * 40, "a" * 4000, "<script>", "%ff"])
def test_hostile_tokens(client, invite, token):
    assert client.get(f"/invite/{token}/").status_code == 404


def test_other_verbs_are_refused(client, invite):
    for verb in ("put", "delete", "patch"):
        assert getattr(client, verb)(path_of(invite)).status_code == 405


def test_who_is_signed_in_does_not_use_it_up(alice, invite, sign_in):
    client = sign_in(alice)
    for response in (client.get(path_of(invite)), client.post(path_of(invite), NEW)):
        assert "signed in already" in response.content.decode()
    assert Invite.objects.get().used_at is None


def test_another_site_cannot_post_it(invite):
    client = Client(enforce_csrf_checks=True)
    assert client.post(path_of(invite), NEW).status_code == 403
    page = client.get(path_of(invite)).content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]
    given = NEW | {"csrfmiddlewaretoken": token}
    evil = client.post(path_of(invite), given, headers={"Origin": "https://evil.example"})
    assert evil.status_code == 403
    # What a browser sends from a page without referrers.
    assert client.post(path_of(invite), NEW, headers={"Origin": "null"}).status_code == 403
    assert client.post(path_of(invite), given, headers={"Origin": "null"}).status_code == 303


def test_guessing_is_slowed_down(client, invite):
    bad = NEW | {"password": "short"}
    statuses = [client.post(path_of(invite), bad).status_code for _ in range(services.TRIES + 1)]
    assert statuses[:-1] == [422] * services.TRIES
    assert statuses[-1] == 429
    assert client.post(path_of(invite), NEW).status_code == 429
    assert client.get(path_of(invite)).status_code == 200
    elsewhere = Client(REMOTE_ADDR="198.51.100.7")
    assert elsewhere.post(path_of(invite), NEW).status_code == 303


def test_forged_addresses_do_not_help(client, invite):
    bad = NEW | {"password": "short"}
    for number in range(services.TRIES + 1):
        forged = {"X-Forwarded-For": f"10.0.0.{number}"}
        response = client.post(path_of(invite), bad, headers=forged)
    assert response.status_code == 429
