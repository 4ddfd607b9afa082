"""The audit log's page and its exports."""

import asyncio
import csv
import io
import json
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from generations.models import Event, Image, User
from generations.services import audit
from generations.services.audit import Action
from generations.views.audit_filters import GROUPS, group_of
from generations.views.audit_lines import said
from tests.builders import make_collection, make_generation, make_image, make_share, make_user

pytestmark = [pytest.mark.services, pytest.mark.django_db]
LOG = "/team/audit/"


def note(by=None, action=Action.SHARE_REVOKED, subject=None, **details):
    audit.note(action, by=by, subject=subject, **details)
    return Event.objects.latest("id")


def shown(client, query=""):
    return client.get(f"{LOG}{query}").context["rows"]


def test_it_is_for_admins(alice, rosa, sign_in):
    for path in (LOG, "/team/audit.csv", "/team/audit.jsonl"):
        for person in (alice, rosa):
            assert sign_in(person).get(path).status_code == 404
    assert not Event.objects.filter(action="export.made").exists()


def test_a_line_says_who_did_what_to_what_when_and_from_where(alice, ada, sign_in):
    share, _ = make_share(alice, label="For Anna")
    sign_in(ada).post(f"/shares/{share.pk}/revoke/", REMOTE_ADDR="203.0.113.7")
    row = shown(sign_in(ada))[0]
    assert (row["who"], row["what"], row["kind"]) == ("Ada Keller", "Link revoked", "link")
    assert (row["subject"], row["subject_url"]) == ("For Anna", f"/shares/{share.pk}/")
    assert (row["address"], row["via"]) == ("203.0.113.7", "")
    assert row["when"].startswith("Today")


def test_what_is_gone_or_not_for_admins_is_no_link(alice, ada, sign_in):
    private = make_image(alice, visibility=Image.Visibility.PRIVATE)
    book = make_collection(alice, name="Diary")
    seen = make_image(alice)
    for subject in (private, book, seen):
        note(alice, subject=subject)
    audit.note(Action.IMAGES_DELETED, by=alice, subject=Image(pk=seen.generation_id))
    urls = [row["subject_url"] for row in shown(sign_in(ada))]
    assert [bool(url) for url in urls[:4]] == [False, True, False, False]


def test_details_are_words():
    assert said({"from": "no limit", "to": "$5", "scope": "team"}) == "no limit → $5 · for team"
    assert said({"before": "member", "after": "admin"}) == "member → admin"
    assert said({"count": 3, "ids": ["a"], "works": False}) == "3 images · works no"
    assert said({"safe_mode": {"from": "free", "to": None}}) == "safe mode free → none"
    assert said({"models": ["a", "b"], "note": ""}) == "models a, b · note empty"
    assert said({}) == ""


def test_what_comes_from_outside_is_text(ada, sign_in):
    user = make_user("x@example.com", name="<script>alert(1)</script>")
    note(user, subject=user, name="<img src=x>")
    page = sign_in(ada).get(LOG).content.decode()
    assert "<script>alert" not in page
    assert "<img src=x>" not in page
    assert "&lt;img src=x&gt;" in page


# --- filters ----------------------------------------------------------------------------------


@pytest.fixture
def lines(alice, bob):
    return {
        "sign-in": note(alice, Action.SIGNED_IN, alice),
        "role": note(bob, Action.ROLE_CHANGED, alice),
        "held": note(None, Action.IMAGE_HELD),
        "deleted": note(alice, Action.IMAGES_DELETED, count=2),
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", "deleted held role sign-in"),
        ("?group=entrance", "sign-in"),
        ("?group=people", "role"),
        ("?group=deletions", "deleted"),
        ("?group=review", "held"),
        ("?group=links", ""),
        ("?group=nothing", ""),
        ("?person={alice}", "deleted sign-in"),
        ("?person=nobody", "held"),
        ("?person=999999999999999999", ""),
        ("?person=x", ""),
        ("?person=-1", ""),
        ("?subject=user:{alice}", "role sign-in"),
        ("?subject=user", ""),
        ("?subject=user:%00", ""),
        ("?q=BOB@", "role"),
        ("?q=alice", "deleted role sign-in"),
        ("?q=signed", "sign-in"),
        ("?q=%00", ""),
        ("?q=%25", ""),
        ("?since=2000-01-01", "deleted held role sign-in"),
        ("?until=2000-01-01", ""),
        ("?since=tomorrow", ""),
        ("?person={alice}&group=entrance&q=alice", "sign-in"),
        ("?before=x", "deleted held role sign-in"),
        ("?before=1", ""),
    ],
)
def test_filters(lines, alice, ada, sign_in, query, names):
    rows = shown(sign_in(ada), query.format(alice=alice.pk))
    by_label = {Action(event.action).label: name for name, event in lines.items()}
    assert [by_label[row["what"]] for row in rows] == names.split()


def test_days_are_whole_days(ada, alice, sign_in):
    now = timezone.now()
    for days in (3, 2, 1, 0):
        Event.objects.create(action=Action.SIGNED_IN, actor=alice, at=now - timedelta(days=days))
    first, last = (f"{now - timedelta(days=days):%Y-%m-%d}" for days in (2, 1))
    rows = shown(sign_in(ada), f"?since={first}&until={last}")
    assert [f"{row['at']:%Y-%m-%d}" for row in rows] == [last, first]


def test_pages_of_a_hundred(ada, sign_in):
    for number in range(250):
        note(None, number=number)
    client, url, seen = sign_in(ada), LOG, []
    while url:
        context = client.get(url).context
        seen += [row["details"] for row in context["rows"]]
        url = context["more_url"]
    assert seen == [f"number {number}" for number in reversed(range(250))]


def test_a_search_looks_through_so_many_lines_and_says_so(ada, bob, sign_in, monkeypatch):
    monkeypatch.setattr("generations.queries.EVENT_SPAN", 10)
    note(bob, Action.SIGNED_IN)
    for _ in range(25):
        note(ada)
    client, url, rounds = sign_in(ada), f"{LOG}?q=bob@", 0
    page = client.get(url)
    assert "Look further back" in page.content.decode()
    while not page.context["rows"] and page.context["more_url"]:
        page, rounds = client.get(page.context["more_url"]), rounds + 1
    assert [row["what"] for row in page.context["rows"]] == ["Signed in"]
    assert rounds == 2


def test_one_line_and_a_hundred_cost_the_same(ada, alice, sign_in):
    client = sign_in(ada)

    def queries(query):
        with CaptureQueriesContext(connection) as found:
            client.get(f"{LOG}{query}")
        return len(found)

    def fill():
        for subject in (alice, make_generation(alice), make_collection(alice), make_image(alice)):
            note(alice, subject=subject)
        note(alice, subject=make_share(alice)[0])

    fill()
    client.get(LOG)
    before = [queries(query) for query in ("", "?q=alice&group=links&since=2020-01-01")]
    for _ in range(12):
        fill()
    assert [queries(q) for q in ("", "?q=alice&group=links&since=2020-01-01")] == before
    assert max(before) <= 12


def test_every_action_is_in_a_group():
    assert {group_of(action) for action in Action} <= GROUPS.keys()


# --- exports ------------------------------------------------------------------------------------


def text_of(response):
    return b"".join(response.streaming_content).decode()


def test_csv(alice, ada, sign_in):
    user = make_user("eve@example.com")
    User.objects.filter(pk=user.pk).update(email="=cmd@example.com")
    user.refresh_from_db()
    note(user, Action.SIGNED_IN, user, note='a "quoted", word')
    response = sign_in(ada).get("/team/audit.csv?q=cmd")
    assert response["Content-Disposition"].startswith("attachment")
    rows = list(csv.DictReader(io.StringIO(text_of(response))))
    assert len(rows) == 1
    assert rows[0]["actor_name"] == "'=cmd@example.com"
    assert rows[0]["what"] == "Signed in"
    assert json.loads(rows[0]["details"]) == {"note": 'a "quoted", word'}


def test_json_lines(alice, ada, sign_in):
    event = note(alice, subject=alice, count=3)
    response = sign_in(ada).get(f"/team/audit.jsonl?person={alice.pk}")
    (line,) = map(json.loads, text_of(response).splitlines())
    assert line["id"] == event.pk
    assert (line["actor"], line["actor_name"]) == (alice.pk, alice.email)
    assert line["details"] == {"count": 3}


def test_an_export_is_a_line_itself(ada, sign_in):
    client = sign_in(ada)
    text_of(client.get("/team/audit.csv?group=links"))
    event = Event.objects.get(action=Action.EXPORTED)
    assert event.actor == ada
    assert event.details == {"what": "audit log (csv)", "filters": {"group": "links"}}


def test_an_export_reads_piece_by_piece(ada, sign_in, monkeypatch):
    Event.objects.bulk_create(Event(action=Action.SIGNED_IN) for _ in range(2500))
    response = sign_in(ada).get("/team/audit.jsonl")
    pieces = [len(piece.splitlines()) for piece in response.streaming_content]
    assert pieces == [1000, 1000, 501]


@pytest.mark.django_db(transaction=True)
def test_an_export_under_asgi(ada):
    Event.objects.bulk_create(Event(action=Action.SIGNED_IN) for _ in range(2500))

    async def export():
        client = AsyncClient()
        await client.aforce_login(ada, "allauth.account.auth_backends.AuthenticationBackend")
        response = await client.get("/team/audit.jsonl")
        pieces = [piece async for piece in response.streaming_content]
        await sync_to_async(connections.close_all)()  # those of the view's own thread
        return pieces

    lines = b"".join(asyncio.run(export())).splitlines()
    ids = [json.loads(line)["id"] for line in lines]
    assert ids == sorted(set(ids), reverse=True)
    assert len(ids) == 2501


def test_other_verbs(ada, sign_in):
    for path in (LOG, "/team/audit.csv"):
        for verb in ("post", "put", "patch", "delete", "head"):
            assert getattr(sign_in(ada), verb)(path).status_code == 405
