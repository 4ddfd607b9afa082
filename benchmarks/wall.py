"""A gallery of any size, written by bulk SQL: what benchmarks/gallery.py measures on.

Its size changes only the number of rows: the shares of models, people, words and ratings stay,
what is rare are RARE images at any size, and a person's favourites and a collection LIST images.
"""

import json
import random
import uuid
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import accumulate, islice
from types import SimpleNamespace
from typing import Any

from django.db import connection
from django.utils import timezone

from generations.models import (
    Collection,
    CollectionItem,
    Favourite,
    Generation,
    Image,
    ImageTag,
    ImageText,
    Tag,
    User,
    VeniceModel,
)
from generations.queries import text

RARE, LIST, DAYS = 40, 300, 700
PEOPLE, MODELS, STYLES, WORDS = 20, 40, 20, 20_000
SIZES = ((1280, 720), (1024, 1024), (832, 1248), (1248, 832), (1024, 1280), (1344, 576))
BATCH = 20_000
# Word -> one in how many prompts has it.
_OFTEN = {"bridge": 3, "stone": 4, "lagoon": 300}


class Wall:
    """Rows of a gallery of `count` images; the first person is the one who looks."""

    def __init__(self, count: int) -> None:
        self.count, self.step = count, max(1, count // RARE)
        self.random = random.Random(7)
        self.now = timezone.now().replace(microsecond=0)
        self.people = [
            User.objects.create_user(f"p{number}@example.com", None, name=f"Person{number} Family")
            for number in range(PEOPLE)
        ]
        self.tags = [Tag.objects.create(name=name) for name in ("common tag", "rare tag")]
        self.collections = [
            Collection.objects.create(user=self.people[0], name=name) for name in ("Small", "Large")
        ]
        self.vocabulary = [f"word{number:x}" for number in range(WORDS)]
        # As words are in a language: the n-th has a share of 1/n.
        self.weights = list(accumulate(1 / rank for rank in range(8, WORDS + 8)))
        VeniceModel.objects.bulk_create(
            VeniceModel(id=f"model-{n}", name=f"Model {n}", spec={}, last_seen_at=self.now)
            for n in range(MODELS)
        )

    def hang(self) -> None:
        with _bulk():
            numbers = iter(range(self.count))
            while part := list(islice(numbers, BATCH)):
                self._write([self._image(number) for number in part])
        _settle()

    def _prompt(self, number: int) -> str:
        words = self.random.choices(self.vocabulary, cum_weights=self.weights, k=20)
        words += (word for word, every in _OFTEN.items() if number % every == 0)
        if number % self.step == 0:
            words += ["zanzibar", "harbour"]
        return " ".join(words)

    def _image(self, number: int) -> SimpleNamespace:
        chance = self.random.random
        is_rare = number % self.step == 0
        person = self.people[min(int(chance() ** 2 * PEOPLE), PEOPLE - 1)]
        model = MODELS - 1 if is_rare else min(int(chance() ** 3 * MODELS), MODELS - 2)
        generation = SimpleNamespace(
            id=self._uuid(),
            prompt=self._prompt(number),
            negative_prompt="blurry, watermark" if number % 5 == 0 else "",
            model=f"model-{model}",
            model_name=f"Model {model}",
        )
        width, height = SIZES[number % 5] if not is_rare else SIZES[5]
        return SimpleNamespace(
            number=number,
            pk=self._uuid(),
            generation=generation,
            user_id=person.pk,
            created_at=self.now - timedelta(days=DAYS) * (1 - number / self.count),
            seed=self.random.randrange(10**9),
            model=generation.model,
            style=f"Style {int(chance() * STYLES)}" if chance() < 0.5 else "",
            shape="square" if width == height else "landscape" if width > height else "portrait",
            aspect_ratio=("16:9", "1:1", "2:3", "3:2", "4:5", "21:9")[SIZES.index((width, height))],
            width=width,
            height=height,
            note="printed" if number % 50 == 0 else "",
            rating=int(chance() * 5) + 1 if chance() < 0.05 else None,
            price="2.5" if is_rare else "0.01" if chance() < 0.7 else "0.04",
            visibility="private" if chance() < 0.1 else "team",
            state="held" if chance() < 0.005 else "shown",
            is_hidden=chance() < 0.005,
            has_parent=chance() < 0.05,
            deleted_at=self.now if chance() < 0.002 else None,
            tags=SimpleNamespace(all=lambda: self._tags(number)),
        )

    def _tags(self, number: int) -> list[Tag]:
        return [self.tags[0]] * (number % 20 == 0) + [self.tags[1]] * (number % self.step == 0)

    def _uuid(self) -> uuid.UUID:
        return uuid.UUID(int=self.random.getrandbits(128), version=4)

    def _write(self, images: list[SimpleNamespace]) -> None:
        _insert(Generation, map(_generation_row, images))
        _insert(Image, map(_image_row, images))
        _insert(
            ImageText,
            (
                {"id": place, "image_id": image.pk, "body": text.body_of(image)}
                for image, place in zip(images, text.places(images, ()).values(), strict=True)
            ),
        )
        _insert(
            ImageTag,
            ({"image_id": i.pk, "tag_id": tag.pk} for i in images for tag in i.tags.all()),
        )
        listed = max(1, self.count // LIST)
        viewer = self.people[0].pk
        _insert(
            Favourite,
            (
                {"user_id": viewer, "image_id": image.pk, "created_at": self.now}
                for image in images
                if image.number % listed == 0
            ),
        )
        for collection, every in zip(self.collections, (listed, 10), strict=True):
            _insert(
                CollectionItem,
                (
                    {
                        "collection_id": collection.pk,
                        "image_id": image.pk,
                        "position": image.number,
                        "added_by_id": viewer,
                        "added_at": self.now,
                    }
                    for image in images
                    if image.number % every == 0
                ),
            )


def _generation_row(image: SimpleNamespace) -> dict[str, Any]:
    made = image.generation
    return {
        "id": made.id,
        "user_id": image.user_id,
        "state": "succeeded",
        "version": 3,
        "lane": 0,
        "model": made.model,
        "model_name": made.model_name,
        "prompt": made.prompt,
        "negative_prompt": made.negative_prompt,
        "seed": image.seed,
        "variants": 1,
        "parameters": _PARAMETERS,
        "catalogue_entry": _ENTRY,
        "ratio": 1.0,
        "price": image.price,
        "charged": image.price,
        "created_at": image.created_at,
        "changed_at": image.created_at,
        "turn": 0,
        "tries": 1,
        "lease_holder": "",
        "error_code": "",
        "error_message": "",
        "error_field": "",
        "is_demo": False,
        "visibility": image.visibility,
        "is_hidden": image.is_hidden,
        "is_dismissed": False,
        "erased": 0,
    }


_PARAMETERS = json.dumps({"width": 1280, "height": 720, "format": "webp", "steps": 8})
_ENTRY = json.dumps({"name": "Model", "constraints": {"steps": {"default": 8, "max": 30}}})
_COPIED = (
    *("user_id", "created_at", "seed", "model", "style", "width", "height", "note", "rating"),
    *("price", "visibility", "state", "is_hidden", "has_parent", "deleted_at"),
)


def _image_row(image: SimpleNamespace) -> dict[str, Any]:
    folder = f"{image.pk.hex[:2]}/{image.pk}"
    return {
        "id": image.pk,
        "generation_id": image.generation.id,
        "number": 0,
        **{name: getattr(image, name) for name in _COPIED},
        **dict.fromkeys(("is_blurred", "is_violation", "is_adult", "has_minor"), False),
        "format": "webp",
        "bytes": 80_000,
        "sha256": image.pk.hex * 2,
        "original": f"{folder}/original.webp",
        "w512": f"{folder}/w512.webp",
        "w1024": f"{folder}/w1024.webp",
    }


# --- bulk SQL -----------------------------------------------------------------------------------


def _insert(model: Any, rows: Iterable[dict[str, Any]]) -> None:
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return
    names = ", ".join(f'"{name}"' for name in first)
    table = f'"{model._meta.db_table}" ({names})'
    values = (tuple(row.values()) for row in _chain(first, rows))
    if connection.vendor == "sqlite":
        marks = ", ".join("?" * len(first))
        plain = (tuple(map(_for_sqlite, row)) for row in values)
        connection.connection.executemany(f"INSERT INTO {table} VALUES ({marks})", plain)
        return
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for row in values:
            copy.write_row(row)


def _chain(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest


def _for_sqlite(value: Any) -> Any:
    """As Django's adapter would: ids without hyphens, times in UTC without their zone."""
    if isinstance(value, uuid.UUID):
        return value.hex
    return str(value.replace(tzinfo=None)) if hasattr(value, "tzinfo") else value


class _bulk:
    """Without the full-text index, which is made at once when all is there."""

    def __enter__(self) -> None:
        connection.ensure_connection()
        if connection.vendor == "sqlite":
            self.trigger = _one("SELECT sql FROM sqlite_master WHERE name = 'image_text_come'")
            _run("DROP TRIGGER image_text_come")
            _run("PRAGMA synchronous = OFF")
            _run("PRAGMA cache_size = -500000")
            _run("BEGIN")
        else:
            _run("DROP INDEX image_text_vector")

    def __exit__(self, *problem: Any) -> None:
        if connection.vendor == "sqlite":
            _run("INSERT INTO generations_imagefts (generations_imagefts) VALUES ('rebuild')")
            _run(self.trigger)
            _run("COMMIT")
        else:
            _run(
                "CREATE INDEX image_text_vector ON generations_imagetext USING gin (vector) "
                "WITH (fastupdate = off)"
            )


def _settle() -> None:
    """What time does by itself: PostgreSQL's autovacuum, SQLite's checkpoint."""
    if connection.vendor == "sqlite":
        _run("PRAGMA wal_checkpoint(TRUNCATE)")
    else:
        _run("VACUUM ANALYZE")


def _run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _one(statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return str(cursor.fetchone()[0])
