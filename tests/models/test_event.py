"""The audit log stays as it was written: the model refuses, and so does the database."""

import importlib

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError

from generations.models import Event
from generations.models.event import Written
from generations.services import audit

pytestmark = [pytest.mark.services, pytest.mark.django_db]
TABLE = Event._meta.db_table
_triggers = importlib.import_module("generations.migrations.0011_event").TRIGGERS


@pytest.fixture
def event(ada):
    audit.note(audit.Action.POLICY_CHANGED, by=ada, safe_mode="forced")
    return Event.objects.get()


@pytest.fixture
def whole():
    """With the trigger that a test database lacks, so that it can be emptied."""
    with connection.cursor() as cursor:
        for statement in _triggers[connection.vendor]["empty"]:
            cursor.execute(statement)


def execute(sql):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.parametrize(
    "change",
    [
        lambda event: event.save(),
        lambda event: event.delete(),
        lambda event: Event.objects.update(action="x"),
        lambda event: Event.objects.filter(pk=event.pk).update(action="x"),
        lambda event: Event.objects.all().delete(),
        lambda event: Event.objects.bulk_update([event], ["action"]),
        lambda event: Event.objects.update_or_create(pk=event.pk, defaults={"action": "x"}),
    ],
)
def test_our_own_code_changes_nothing(event, change):
    with pytest.raises(Written), transaction.atomic():
        change(event)
    assert Event.objects.get().action == "policy.changed"


@pytest.mark.parametrize(
    "sql",
    [
        f"UPDATE {TABLE} SET action = 'x'",
        f"UPDATE {TABLE} SET details = '{{}}' WHERE id > 0",
        f"DELETE FROM {TABLE}",
        f"DELETE FROM {TABLE} WHERE id > 0",
    ],
)
def test_the_database_changes_nothing(event, whole, sql):
    with pytest.raises(IntegrityError, match="stays"):
        execute(sql)
    assert Event.objects.get().action == "policy.changed"


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no TRUNCATE")
def test_postgresql_does_not_empty_it(event, whole):
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(IntegrityError, match="stays"):
        execute(f"TRUNCATE {TABLE}")
    assert Event.objects.count() == 1


def test_who_is_named_in_it_is_not_deleted(event, ada):
    with pytest.raises(ProtectedError):
        ada.delete()


def test_later_migrations_left_the_triggers_where_they_are(db):
    """SQLite drops them with the table when a migration makes it anew."""
    sql = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname FROM pg_trigger",
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(sql)
        assert "event_no_change" in {name for (name,) in cursor.fetchall()}
