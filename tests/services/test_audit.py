"""What is written down, by whom and from where, and what never is."""

import ast
import importlib
import io
import pkgutil
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.utils import timezone

from generations.management import commands
from generations.management.command import Command
from generations.models import Budget, Event, Image, Share
from generations.models.generation import State
from generations.services import audit, spend, trash
from generations.services import collection as collections
from generations.services import key as keys
from generations.services import mark as marks
from generations.services import share as shares
from generations.services.audit import Action
from generations.services.errors import Invalid, NotPossible
from tests.builders import make_collection, make_generation, make_image, make_key, make_share

pytestmark = [pytest.mark.services, pytest.mark.django_db]
ROOT = Path(__file__).resolve().parents[2]
SECRET = "a-venice-key-0123456789-wxyz"


def written(action):
    return list(Event.objects.filter(action=action).order_by("id"))


def one(action):
    (event,) = written(action)
    return event


# --- the line -----------------------------------------------------------------------------------


def test_a_line_names_its_subject_as_it_was_called_then(alice, ada):
    audit.note(Action.ROLE_CHANGED, by=ada, subject=alice, before="member")
    alice.email = "new@example.com"
    alice.save()
    event = one("user.role")
    assert (event.actor, event.actor_name) == (ada, "ada@example.com")
    assert (event.subject_kind, event.subject_id) == ("user", str(alice.pk))
    assert event.subject_name == "alice@example.com"
    assert event.details == {"before": "member"}


def test_without_a_request_it_comes_from_the_system():
    audit.note(Action.IMAGE_HELD, by=None)
    event = one("image.held")
    assert (event.via, event.actor, event.actor_name, event.address) == ("system", None, "", "")


def test_where_it_comes_from_holds_inside_alone():
    with audit.coming_from(Event.Via.API, "203.0.113.7"):
        audit.note(Action.IMAGE_HELD, by=None)
    audit.note(Action.IMAGE_HELD, by=None)
    assert [(e.via, e.address) for e in written("image.held")] == [
        ("api", "203.0.113.7"),
        ("system", ""),
    ]


@pytest.mark.parametrize(
    ("forwarded", "proxies", "address"),
    [
        ("", 0, "127.0.0.1"),
        ("203.0.113.7", 0, "127.0.0.1"),
        ("203.0.113.7", 1, "203.0.113.7"),
        ("6.6.6.6, 203.0.113.7", 1, "203.0.113.7"),
        ("<script>", 1, ""),
    ],
)
def test_a_forged_address_is_not_believed(alice, sign_in, settings, forwarded, proxies, address):
    settings.PROXIES = proxies
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    url = f"/collections/{make_collection(alice).pk}/delete/"
    assert sign_in(alice).post(url, headers=headers).status_code == 303
    event = one("collection.deleted")
    assert (event.via, event.address) == ("web", address)


def test_no_subject_is_named_by_a_word_of_a_prompt(alice, rosa):
    """Whatever a model's `str` says: only what is listed is taken, of the rest its kind."""
    made = make_generation(alice, prompt="Nightingale secret")
    image = make_image(alice, generation=made)
    share, path = make_share(alice, images=[image], password="hush-hush")
    for subject in (made, image, share, make_key(alice), make_collection(alice)):
        audit.note(Action.EXPORTED, by=alice, subject=subject)
    held = make_image(alice, generation=made, state=Image.State.HELD)
    for model in filter(lambda m: m._meta.managed, apps.get_app_config("generations").get_models()):
        for row in model.objects.all()[:3]:
            audit.note(Action.EXPORTED, by=rosa, subject=row)
    text = " ".join(f"{e.subject_name} {e.subject_id} {e.details}" for e in Event.objects.all())
    token = path.split("/")[2]
    for secret in ("Nightingale", token, shares.hash_of(token), "hush-hush", "key-of-"):
        assert secret not in text
    assert held.pk.hex[:8] in text


def test_ids_are_the_first_few():
    assert audit.ids(range(1000)) == [str(number) for number in range(audit.MOST_IDS)]
    assert audit.ids([]) == []


# --- what the code writes -----------------------------------------------------------------------


def notes():
    """Each call of `audit.note` or `note` of the code: its file, line and node."""
    for path in sorted((ROOT / "generations").rglob("*.py")):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _is_note(node.func):
                yield path.relative_to(ROOT), node


def _is_note(function):
    return (
        isinstance(function, ast.Attribute)
        and function.attr == "note"
        and isinstance(function.value, ast.Name)
        and function.value.id == "audit"
    )


def test_no_detail_is_named_like_a_secret():
    found = list(notes())
    assert len(found) > 20
    for path, call in found:
        named = {keyword.arg for keyword in call.keywords} | {
            key.value
            for keyword in call.keywords
            for node in ast.walk(keyword.value)
            if isinstance(node, ast.Dict)
            for key in node.keys
            if isinstance(key, ast.Constant)
        }
        assert not named & audit.NEVER, f"{path}:{call.lineno}"


def test_every_action_is_written_somewhere():
    """One that nobody writes would be looked for in vain."""
    text = "".join(
        path.read_text()
        for path in (ROOT / "generations").rglob("*.py")
        if path.name != "audit.py" or path.parent.name != "services"
    )
    # Tokens come with the API.
    later = {"TOKEN_MADE", "TOKEN_REVOKED"}
    assert [a.name for a in Action if f"Action.{a.name}" not in text and a.name not in later] == []


def test_every_command_is_one_of_ours():
    """So that what it does is noted as done at the command line; the stand-in does nothing."""
    names = {module.name for module in pkgutil.iter_modules(commands.__path__)} - {"standin"}
    for name in names:
        module = importlib.import_module(f"generations.management.commands.{name}")
        assert issubclass(module.Command, Command), name


def test_a_command_is_named_with_its_account(standin, alice, monkeypatch, capsys):
    monkeypatch.setattr("generations.management.command._account", lambda: "operator")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{SECRET}\n"))
    call_command("venicekey", user=alice.email)
    event = one("key.saved")
    assert (event.via, event.actor, event.actor_name) == ("command", None, "operator")
    assert (event.subject_name, event.details["whose"]) == ("a key of their own", alice.email)
    assert SECRET not in str(event.details)


# --- what the services write --------------------------------------------------------------------


def test_keys(standin, alice, ada):
    key = keys.save(alice, SECRET, by=alice)
    keys.test(key, by=ada)
    keys.test(key)
    keys.remove(key, by=alice)
    assert [(e.action, e.actor, e.subject_name) for e in Event.objects.order_by("id")] == [
        ("key.saved", alice, "a key of their own"),
        ("key.tested", ada, "a key of their own"),
        ("key.removed", alice, "a key of their own"),
    ]
    assert one("key.tested").details == {"whose": alice.email, "works": True}


def test_a_key_that_venice_refuses_is_not_saved_and_not_noted(standin, alice):
    with pytest.raises(Invalid):
        keys.save(alice, "bad-key-0123456789", by=alice)
    assert not Event.objects.exists()


def test_budgets_say_from_and_to(alice, ada):
    spend.set_budget("person", Decimal(5), user=alice, by=ada)
    spend.set_budget("person", Decimal("5.00"), user=alice, by=ada)
    spend.set_budget("person", Decimal("7.5"), user=alice, by=ada)
    spend.set_budget("person", None, user=alice, by=ada)
    spend.set_budget("team", None, by=ada)
    assert [(e.details["from"], e.details["to"]) for e in written("budget.changed")] == [
        ("no limit", "$5"),
        ("$5", "$7.5"),
        ("$7.5", "no limit"),
    ]
    assert {e.subject_name for e in written("budget.changed")} == {alice.email}


def test_what_a_lost_answer_cost(alice, ada):
    job = make_generation(alice, state=State.UNKNOWN, price=Decimal("0.03"), charged=None)
    spend.resolve_unknown(job, was_charged=True, by=ada)
    with pytest.raises(NotPossible):
        spend.resolve_unknown(job, was_charged=False, by=ada)
    event = one("generation.resolved")
    assert (event.actor, event.details) == (ada, {"charged": "$0.03"})


def test_deletions_are_one_line_an_act(alice, bob, ada):
    mine, theirs = [make_image(alice) for _ in range(25)], make_image(bob)
    at = timezone.now()
    trash.delete(ada, images=[*mine, theirs], at=at)
    event = one("image.deleted")
    assert (event.actor, event.details["count"], event.details["others"]) == (ada, 26, 26)
    assert len(event.details["ids"]) == audit.MOST_IDS
    trash.delete(ada, images=mine, at=at)
    assert len(written("image.deleted")) == 1
    trash.undo(ada, at=at)
    assert one("image.restored").details["count"] == 26
    trash.delete(alice, images=mine[:2], at=at)
    trash.erase(alice, images=mine)
    event = one("image.erased")
    assert (event.actor, event.details["count"]) == (alice, 2)
    assert "others" not in event.details
    assert set(event.details["ids"]) == {str(image.pk) for image in mine[:2]}


def test_what_the_trash_lets_go_by_itself(alice):
    make_image(alice, deleted_at=timezone.now() - timedelta(days=4000), deleted_by=alice)
    assert trash.purge() == 1
    event = one("image.erased")
    assert (event.via, event.actor, event.details["count"]) == ("system", None, 1)


def test_links(alice, ada):
    image = make_image(alice)
    share, _ = make_share(alice, images=[image], label="Anna", password="hush-hush")
    assert one("share.made").details["count"] == 1
    values = {"label": "Anna", "title": "", "download": True, "show_prompt": False, "picks": False}
    shares.change(share, expires=None, password="other-one", **values)
    assert one("share.changed").details == {
        "may_download": {"from": False, "to": True},
        "has_password": {"from": True, "to": "another one"},
    }
    assert shares.revoke(Share.objects.all(), by=ada) == 1
    assert shares.revoke(Share.objects.all(), by=ada) == 0
    event = one("share.revoked")
    assert (event.actor, event.subject_name) == (ada, "Anna")
    assert "hush" not in str([e.details for e in Event.objects.all()])


def test_collections(alice, ada):
    book = make_collection(alice, name="Canals")
    collections.delete(book, by=ada)
    collections.delete(book, by=ada)
    collections.restore(book, by=alice)
    collections.restore(book, by=alice)
    assert [(e.action, e.actor, e.subject_name) for e in Event.objects.order_by("id")] == [
        ("collection.deleted", ada, "Canals"),
        ("collection.restored", alice, "Canals"),
    ]


def test_downloads(alice, sign_in, client):
    images = [make_image(alice) for _ in range(2)]
    ids = [str(image.pk) for image in images]
    sign_in(alice).post("/gallery/zip/", {"images": ids})
    event = one("export.made")
    assert (event.actor, event.details) == (alice, {"what": "images", "count": 2, "ids": ids})
    share, path = make_share(alice, images=images, download=True)
    client.head(f"{path}zip")
    client.get(f"{path}zip")
    guests = written("export.made")[1]
    assert (guests.actor, guests.subject_id) == (None, str(share.pk))
    assert (guests.details["count"], guests.address) == (2, "127.0.0.1")


def test_usage_as_csv(alice, ada, sign_in):
    sign_in(alice).get("/settings/usage.csv?month=2026-03")
    sign_in(ada).get("/team/usage.csv?month=2026-03")
    assert [(e.actor, e.details["what"], e.details["month"]) for e in written("export.made")] == [
        (alice, "own usage", "2026-03"),
        (ada, "the team’s usage", "2026-03"),
    ]


def test_nobody_but_the_maker_changes_who_sees_an_image(alice, ada):
    """So the log needs no line for it: there is nothing that an admin could be asked about."""
    image = make_image(alice)
    assert marks.show_to(ada, images=[image], visibility="private") == 0


def test_what_cannot_be_noted_is_not_done(alice, ada, monkeypatch):
    """Both happen, or neither."""
    image, book = make_image(alice), make_collection(alice)
    share, _ = make_share(alice, images=[image])

    def full(*args, **details):
        raise OSError("no space left")

    monkeypatch.setattr(audit, "note", full)
    for act in (
        lambda: trash.delete(alice, images=[image], at=timezone.now()),
        lambda: collections.delete(book, by=alice),
        lambda: shares.revoke(Share.objects.all(), by=alice),
        lambda: make_share(alice, images=[image]),
        lambda: spend.set_budget("team", Decimal(5), by=ada),
    ):
        with pytest.raises(OSError, match="no space"):
            act()
    image.refresh_from_db()
    book.refresh_from_db()
    share = Share.objects.get()
    assert (image.deleted_at, book.deleted_at, share.revoked_at) == (None, None, None)
    assert not Budget.objects.exists()


# --- Django's admin -----------------------------------------------------------------------------


def test_what_happens_in_djangos_admin_is_noted(alice, ada, sign_in):
    boss = sign_in(ada)
    given = {"scope": "person", "user": alice.pk, "monthly_usd": "5"}
    assert boss.post("/admin/generations/budget/add/", given).status_code == 302
    event = one("admin.saved")
    assert (event.actor, event.subject_kind, event.subject_name) == (ada, "budget", alice.email)
    url = f"/admin/generations/budget/{event.subject_id}/change/"
    assert boss.post(url, given | {"monthly_usd": "6"}).status_code == 302
    assert written("admin.saved")[1].details == {"monthly_usd": {"from": "5.00", "to": "6"}}
    selected = {"action": "delete_selected", "_selected_action": event.subject_id, "post": "yes"}
    boss.post("/admin/generations/budget/", selected)
    assert one("admin.deleted").subject_name == alice.email
