"""Putting a backup back into an empty installation, of either database kind.

One transaction holds all of it, the tables themselves included: whatever goes wrong, or is
killed, leaves the database as it was. The tables are made as they were when the backup was made,
filled, and then migrated like any other database of that version.
"""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.core.management.color import no_style
from django.core.management.sql import emit_post_migrate_signal
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from generations.models import Event, Generation, Image, User
from generations.services import audit, queue, secret, trash
from generations.services.backup import files, secrets, tar
from generations.services.backup.plan import Plan, plan
from generations.services.backup.tar import Unusable
from generations.services.backup.verify import Manifest, verify


@dataclass
class Restored:
    manifest: Manifest
    rows: int = 0
    files: int = 0
    # Jobs that waited when the backup was made; files that it could not find then.
    waiting: int = 0
    missing: int = 0
    # Kind of secret -> how many of them these encryption keys cannot read.
    unreadable: dict[str, int] = field(default_factory=dict)
    has_put_secrets: bool = False


def restore(path: Path) -> Restored:
    """Raises Unusable before anything is written, or with all of it taken back; OSError when the
    archive or the storage cannot be read or written."""
    require_empty()
    planned = plan(verify(path))
    may_put_secrets = secrets.may_put(path) if planned.manifest.has_secrets else False
    with files.Written() as written, secrets.taken_back_on_error(), _one_transaction():
        require_empty()
        restored = _Restoring(planned, written).run(path)
        restored.has_put_secrets = may_put_secrets
        if may_put_secrets:
            secrets.put(path)
        restored.unreadable = secret.unreadable()
        audit.note(audit.Action.RESTORED, by=None, made_at=planned.manifest.made_at)
    return restored


def require_empty() -> None:
    """Raises Unusable where somebody has worked already, or works now."""
    tables = connection.introspection.table_names()
    for model in (User, Generation, Image, Event):
        if model._meta.db_table in tables and model._base_manager.values("pk").exists():
            raise Unusable("This installation holds data. Restore into an empty one.")
    if "generations_worker" in tables and queue.has_worker():
        raise Unusable("A worker runs here. Stop web, worker and beat first.")


@contextmanager
def _one_transaction() -> Iterator[None]:
    # SQLite can do without foreign keys only from outside of a transaction; PostgreSQL looks at
    # them at its end.
    connection.disable_constraint_checking()
    try:
        with transaction.atomic(durable=True):
            yield
    except (DatabaseError, ValidationError, ValueError, TypeError, RecursionError) as error:
        reason = str(error).strip().partition("\n")[0][:200]
        raise Unusable(f"A row of this archive does not fit ({reason}).") from error
    finally:
        connection.enable_constraint_checking()


@dataclass
class _Restoring:
    plan: Plan
    written: files.Written
    vanished: set[uuid.UUID] = field(default_factory=set)
    missing: int = 0
    is_filled: bool = False

    def run(self, path: Path) -> Restored:
        _drop_tables()
        MigrationExecutor(connection).migrate(self.plan.targets)
        # New foreign keys were looked at at once, on PostgreSQL; from here on only when asked.
        connection.check_constraints()
        with path.open("rb") as stream:
            for entry in tar.read(stream):
                self._take(entry)
        self._fill_up()
        _migrate_to_head()
        trash.finish(self.vanished)
        return Restored(
            manifest=self.plan.manifest,
            rows=sum(table.count for table in self.plan.tables.values()),
            files=self.written.count,
            waiting=queue.end_restored(),
            missing=self.missing,
        )

    def _take(self, entry: tar.Entry) -> None:
        if entry.kind == tar.TABLES:
            self._load(entry)
        elif entry.kind == tar.FILES:
            self._fill_up()
            self.written.put(entry.rest, entry.read())
        elif entry.kind == tar.INDEX:
            self._look_for_gone(entry)

    def _load(self, entry: tar.Entry) -> None:
        table = self.plan.tables.get(entry.rest.partition("/")[0])
        if table is None or self.is_filled:
            raise Unusable(f"This archive has a part in the wrong place: {entry.name[:80]!r}.")
        table.load(tar.lines(entry.read()))

    def _fill_up(self) -> None:
        """All rows are there: before the first file is written, do they fit together?"""
        if self.is_filled:
            return
        self.is_filled = True
        told = self.plan.manifest.tables
        if any(table.count != told[name].rows for name, table in self.plan.tables.items()):
            raise Unusable("This archive has not as many rows as it says.")
        connection.check_constraints()
        models = [table.model for table in self.plan.tables.values()]
        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_sql(no_style(), models):
                cursor.execute(statement)

    def _look_for_gone(self, entry: tar.Entry) -> None:
        for line in tar.lines(entry.read()):
            told: dict[str, Any] = json.loads(line)
            if told.get("gone") == "vanished":
                self.vanished.add(uuid.UUID(told["image"]))
            elif told.get("gone"):
                self.missing += 1


def _drop_tables() -> None:
    """Of an installation that was migrated already: they are made as the archive knows them."""
    ours = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    ours.add(MigrationRecorder.Migration._meta.db_table)
    cascade = " CASCADE" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table in ours:
                cursor.execute(f"DROP TABLE {connection.ops.quote_name(table)}{cascade}")
        if cascade:
            # What its triggers call; the only thing beside tables that migrations make.
            cursor.execute("DROP FUNCTION IF EXISTS event_stays()")


def _migrate_to_head() -> None:
    if connection.vendor == "postgresql":
        # It changes no table whose rows still wait for their foreign keys to be looked at, and
        # rows of this transaction are looked at again after each UPDATE.
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")
    ContentType.objects.clear_cache()
