"""The database of the first release, with data; and an archive of it, as its version would have
made one. Run as a process of its own: `python -m tests.flows.first_release fill`, `… archive FILE`.
"""

import json
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from tests.flows import world

FIRST = ("generations", "0001_initial")
FINGERPRINT = "0123456789abcdef0123456789abcdef"


def _apps():
    from django.db import connection
    from django.db.migrations.loader import MigrationLoader

    return MigrationLoader(connection).project_state([FIRST]).apps


def fill() -> dict[str, list]:
    """People, keys, jobs in each state, images, budgets, recipes; told as they stand."""
    apps = _apps()
    made = {model.__name__: model._base_manager for model in apps.get_models()}
    ada, alice = (
        made["User"].create(email=f"{name}@example.com", name=name, role=role, password="!")
        for name, role in (("ada", "admin"), ("alice", "member"))
    )
    key = made["VeniceKey"].create(**_key(alice))
    model = made["VeniceModel"].create(id="z-image-turbo", name="Z", last_seen_at=_at(1))
    made["FieldRule"].create(model=model, field="steps", source="learned")
    made["StylePreset"].create(name="Anime")
    made["CatalogueFetch"].create(fetched_at=_at(1), base_url="http://venice.test/api/v1")
    for number, state in enumerate(
        ("queued", "calling", "succeeded", "failed", "unknown", "cancelled")
    ):
        job = made["Generation"].create(**_job(alice, key, number, state))
        made["Call"].create(generation=job, key=key, number=1, started_at=_at(number))
    done = made["Generation"].get(state="succeeded")
    for number, held in enumerate(({}, {"is_adult": True}, {"has_minor": True})):
        _image(made["Image"], done, number, held)
    recipe = made["Recipe"].create(user=alice, name="Bridge", latest_number=1)
    content = {"prompt": "A stone bridge", "model": "m", "model_name": "M", "by": alice}
    made["RecipeVersion"].create(recipe=recipe, number=1, generation=done, **content)
    made["Budget"].create(scope="team", monthly_usd=Decimal("100.00"))
    made["Budget"].create(scope="person", user=ada, monthly_usd=Decimal("5.25"))
    made["Worker"].create(holder="gone", seen_at=_at(0))
    return {m._meta.db_table: world.rows_of(m) for m in apps.get_models()}


def _at(hour: int) -> datetime:
    return datetime(2026, 1, 2, hour, 4, 5, 678901, tzinfo=UTC)


def _key(user) -> dict:
    from generations import crypto

    return {
        "user": user,
        "secret": crypto.encrypt("a-key-of-the-first-release"),
        "last_four": "ease",
        "fingerprint": FINGERPRINT,
        "tested_at": _at(1),
        "tier": "paid",
        "balance_usd": Decimal("9.5"),
        "requests_per_minute": 40,
    }


def _job(user, key, number: int, state: str) -> dict:
    return {
        "user": user,
        "key": key,
        "state": state,
        "form_token": f"form-{number}",
        "model": "z-image-turbo",
        "model_name": "Z",
        "prompt": f"A stone bridge, {state} 橋",
        "seed": 7,
        "parameters": {"width": 64, "style_preset": "Anime", "cfg_scale": 7.5},
        "price": Decimal("0.012345"),
        "charged": Decimal("0.012345") if state == "succeeded" else None,
        "created_at": _at(number),
        "lease_until": _at(number),
    }


def _image(images, job, number: int, held: dict) -> None:
    from django.core.files.base import ContentFile
    from django.core.files.storage import default_storage

    image = images.model(generation=job, user=job.user, number=number, width=1024, height=576)
    image.format, image.bytes, image.sha256 = "webp", 10, "0" * 64
    image.created_at, image.seed = _at(number), 7 + number
    image.state = "held" if held else "shown"
    for name, value in held.items():
        setattr(image, name, value)
    for kind in ("original", "w512", "w1024"):
        name = f"{image.id.hex[:2]}/{image.id}/{kind}.webp"
        setattr(image, kind, default_storage.save(name, ContentFile(f"{kind} {number}".encode())))
    image.save()


def archive(path: str) -> None:
    from generations.services import backup
    from generations.services.backup import rows

    models = _apps().get_models(include_auto_created=True)
    rows.kept = lambda: [m for m in models if m._meta.db_table not in rows.LEFT_OUT]
    rows.migrations = lambda: dict([FIRST])
    with Path(path).open("wb") as stream:
        backup.write(stream)


if __name__ == "__main__":
    world.begin()
    told = {"fill": fill, "archive": archive}[sys.argv[1]](*sys.argv[2:])
    if told is not None:
        json.dump(told, sys.stdout)
