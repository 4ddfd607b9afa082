"""A studio with a row in every table, and all of it told as text: for backups and upgrades.

Run as a process of its own, on whichever database the environment names:
`python -m tests.flows.world fill`, `… tell`, `… work PROMPT` (submit, and run what waits).
"""

import hashlib
import json
import os
import sys
import threading
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal

import django


def fill() -> None:
    from allauth.mfa.models import Authenticator
    from django.contrib.admin.models import LogEntry
    from django.contrib.contenttypes.models import ContentType
    from django.contrib.sessions.models import Session
    from django.utils import timezone

    from generations import crypto
    from generations.models import Generation, User, Worker
    from generations.services import audit, catalogue, invite, mark, spend, token, webhook
    from generations.services import key as keys
    from tests import builders

    keys.save(None, "team-key-of-the-test-0123456789")
    catalogue.refresh()
    ada = builders.make_user("ada@example.com", role=User.Role.ADMIN, name="Ada ✎ Keller")
    alice = builders.make_user("alice@example.com", name="Alice 'quoted' \\ \"Moretti\"\n🙂")
    rosa = builders.make_user("rosa@example.com", role=User.Role.REVIEWER)
    builders.make_key(alice)
    work("A stone bridge, straße 橋")
    shown = [builders.make_image(alice, note=f"note {n}", rating=n + 1) for n in range(3)]
    for state in Generation.State.values:
        builders.make_generation(
            alice, state=state, key=keys.own_key(alice), price=Decimal("0.012345")
        )
    builders.make_recipe(alice, generation=shown[0].generation)
    builders.make_collection(alice, images=shown)
    builders.make_share(alice, images=shown[:2])
    builders.decide(rosa, builders.make_case(alice), "reject")
    mark.tag(alice, images=shown, names=["bridge", "stone"])
    spend.set_budget("person", Decimal("12.50"), user=alice, by=ada)
    invite.create(ada, role="member", email="new@example.com")
    Authenticator.objects.create(user=ada, type="totp", data={"secret": crypto.encrypt("t")})
    token.create(alice, name="Nightly", scopes=["read"])
    webhook.test(
        webhook.create(ada, url="https://example.com/hook", events=["generation.failed"])[0]
    )
    audit.note(audit.Action.SIGNED_IN, by=ada, subject=ada, numbers=[1, 2.5, None], words="ü")
    LogEntry.objects.create(
        user=ada,
        object_repr="x",
        action_flag=1,
        content_type=ContentType.objects.get_for_model(User),
    )
    Session.objects.create(session_key="left-out", session_data="x", expire_date=timezone.now())
    Worker.objects.create(holder="left-out", seen_at=datetime(2020, 1, 1, tzinfo=UTC))
    _one_of_each_other()


def _one_of_each_other() -> None:
    """So that no table is forgotten, also none that is added later."""
    from generations.services.backup import rows

    for model in rows.kept():
        _at_least_one(model)


def _at_least_one(model):
    """The id of a row of it; made where there is none."""
    from generations.services.backup import rows

    if model._base_manager.exists():
        return model._base_manager.values_list("pk", flat=True).first()
    names = {f.attname: f for f in rows.columns_of(model) if f.attname != "id"}
    return model._base_manager.create(**{k: _value(f) for k, f in names.items()}).pk


def _value(field):
    if field.is_relation:
        if field.null and field.related_model is field.model:
            return None
        return _at_least_one(field.related_model)
    if field.has_default():
        return field.get_default()
    kinds = {
        "UUIDField": uuid.uuid4(),
        "DateTimeField": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
        "DateField": date(2026, 1, 2),
        "DecimalField": Decimal("1.25"),
        "BooleanField": False,
        "JSONField": {"ü": [1, 2.5, None, "x"]},
    }
    kind = field.get_internal_type()
    if kind in kinds:
        return kinds[kind]
    return 1 if "Integer" in kind or kind == "FloatField" else "xé"


def work(prompt: str) -> None:
    from generations.models import User
    from generations.services import worker
    from tests import builders

    worker.slots.cache_clear()
    builders.submit(User.objects.get(email="alice@example.com"), prompt)
    worker.run(threading.Event())


def tell() -> dict[str, list]:
    """Table -> its rows, and what each file is; read with Django's own serializers."""
    from django.core.files.storage import default_storage

    from generations.models import Image
    from generations.services.backup import rows

    told = {model._meta.db_table: rows_of(model) for model in rows.kept()}
    told["files"] = []
    for image in Image.objects.order_by("pk"):
        for name in (image.original, image.w512, image.w1024):
            if default_storage.exists(name):
                with default_storage.open(name) as file:
                    told["files"].append([name, hashlib.sha256(file.read()).hexdigest()])
    return told


def rows_of(model) -> list:
    """Each as [id, [[field, value as text]]], then what the database has worked out for each."""
    from django.core import serializers

    rows = model._base_manager.order_by("pk")
    generated = [f.name for f in model._meta.concrete_fields if getattr(f, "generated", False)]
    values = [list(row) for row in rows.values_list(*generated)] if generated else []
    return [
        [str(row["pk"]), sorted([k, _text(v)] for k, v in row["fields"].items())]
        for row in serializers.serialize("python", rows)
    ] + values


def _text(value):
    return json.dumps(value, default=str, sort_keys=True)


def found(words: str) -> list[str]:
    """Ids of the images that the full-text index finds."""
    from generations.models import Image
    from generations.queries.search import found_by

    return sorted(
        str(pk) for pk in found_by(Image.objects.all(), words).values_list("pk", flat=True)
    )


def begin() -> None:
    """Django with the real settings, a stand-in for Venice, and a bell that nobody hears."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "veniceweb.settings")
    django.setup()
    import httpx
    from django.conf import settings

    from generations.services import bell
    from generations.venice.standin import StandIn

    settings.IMAGE_PROCESSES = 0
    bell.ring = lambda *, after=None: None
    app = StandIn(latency=0, requests_per_minute=10_000, sleep=lambda seconds: None)
    settings.VENICE_TRANSPORT = lambda: httpx.WSGITransport(app=app)


def main(what: str, *words: str) -> None:
    begin()
    result = {"fill": fill, "work": work, "tell": tell, "found": found}[what](*words)
    if result is not None:
        json.dump(result, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
