"""Rows as any of the databases can take them: what is kept, and how each value is written."""

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Field, JSONField, Model, Value

from generations.services.backup.tar import Unusable

_AGAIN = "Sessions: everybody signs in again."
# table -> why it is not kept.
LEFT_OUT = {
    "django_session": _AGAIN,
    "usersessions_usersession": _AGAIN,
    "generations_worker": "Processes that lived when the backup was made.",
    "generations_backup": "When this installation's own scheduled backups ran.",
    "generations_imagefts": "An index that SQLite makes itself.",
    "django_migrations": "The manifest says how far it is migrated.",
}
_CHUNK = 500


def kept() -> list[type[Model]]:
    """Every table that is kept, of all apps."""
    found = apps.get_models(include_auto_created=True)
    return [m for m in found if m._meta.managed and m._meta.db_table not in LEFT_OUT]


def columns_of(model: type[Model]) -> list["Field[Any, Any]"]:
    """What is stored, without what the database works out."""
    return [f for f in model._meta.concrete_fields if not getattr(f, "generated", False)]


@contextmanager
def snapshot() -> Iterator[None]:
    """All that is read inside stands as it did at one moment; nobody waits for it."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            # atomic() would begin as a writer and keep all others waiting.
            cursor.execute("BEGIN DEFERRED")
            try:
                cursor.execute("SELECT 1 FROM sqlite_master LIMIT 1")
                yield
            finally:
                cursor.execute("ROLLBACK")
        return
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def migrations() -> dict[str, str]:
    """App -> its last migration. Raises Unusable while some are not applied."""
    executor = MigrationExecutor(connection)
    leaves = executor.loader.graph.leaf_nodes()
    if executor.migration_plan(leaves):
        raise Unusable("The database is not migrated to this version: run manage.py migrate first.")
    return dict(leaves)


def dump(model: type[Model]) -> Iterator[list[Any]]:
    """Its rows in the order of their ids, as JSON takes them."""
    names = [field.attname for field in columns_of(model)]
    rows = model._base_manager.order_by("pk").values_list(*names)
    for row in rows.iterator(chunk_size=_CHUNK):
        yield [_plain(value) for value in row]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal | uuid.UUID):
        return str(value)
    # Anything else that JSON does not know is a TypeError there, and a test finds it.
    return value


def line(row: Sequence[Any]) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))


class Loader:
    """Puts lines back as rows of one table, with their ids and times."""

    def __init__(self, model: type[Model], columns: Sequence[str]) -> None:
        by_column = {field.column: field for field in columns_of(model)}
        if set(columns) != set(by_column) or len(columns) != len(by_column):
            raise Unusable(f"Its table {model._meta.db_table} has other columns than ours.")
        self._fields = [by_column[name] for name in columns]
        for field in self._fields:
            # Only of this migration's own copy of the model: times stay what they were.
            for own in {"auto_now", "auto_now_add"} & vars(field).keys():
                setattr(field, own, False)
        self.model = model
        self._readers: list[Callable[[Any], Any]] = [_reader(field) for field in self._fields]
        self.count = 0

    def load(self, lines: Iterator[bytes]) -> None:
        """Raises Unusable for a row that does not fit."""
        batch: list[Model] = []
        for text in lines:
            batch.append(self._row(text))
            if len(batch) == _CHUNK:
                self._write(batch)
                batch = []
        self._write(batch)

    def _write(self, batch: list[Model]) -> None:
        self.model._base_manager.bulk_create(batch)
        self.count += len(batch)

    def _row(self, text: bytes) -> Model:
        values = json.loads(text)
        if not isinstance(values, list):
            raise ValueError
        pairs = zip(self._fields, self._readers, values, strict=True)
        return self.model(**{field.attname: read(value) for field, read, value in pairs})


def _reader(field: "Field[Any, Any]") -> Callable[[Any], Any]:
    if isinstance(field, JSONField):
        return lambda value: Value(None, JSONField()) if value is None else value
    target: Any = getattr(field, "target_field", field)
    return lambda value: None if value is None else target.to_python(value)
