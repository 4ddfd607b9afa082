"""Migrations run while the old version serves: each only adds what that version need not know.

A migration after the first may
- make tables, indexes, and columns that may be empty, are worked out by the database, or have a
  `db_default` (Django's own default is gone from the database when the migration ends, and the
  old version's INSERT does not name the column);
- widen a column, or change what only Python sees (choices, related names);
- move data, in batches that can be begun again, and take indexes and constraints away.
It may not
- drop or rename what the release before reads or writes: that stops in one release, the column
  goes in the next;
- forbid what the release before may still write: a new constraint, NOT NULL, a narrower column;
- leave the transaction: a restore holds all of them in one.

What history has already is in BEFORE_THE_RULE, and needs all processes stopped for that upgrade.
What is dropped later, rightly, goes into GIVEN_UP with the release that stopped using it.
"""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

# Migration -> what of it the rule forbids.
BEFORE_THE_RULE: dict[str, set[str]] = {
    "0003_line": {
        "RemoveField venicekey.balance_at",
        "RemoveField venicekey.balance_diem",
        "RemoveField venicekey.balance_usd",
        "RemoveField venicekey.expires_at",
        "RemoveField venicekey.fingerprint",
        "RemoveField venicekey.problem",
        "RemoveField venicekey.problem_at",
        "RemoveField venicekey.requests_per_minute",
        "RemoveField venicekey.tested_at",
        "RemoveField venicekey.tier",
        "adds generation.turn without db_default",
        "adds worker.places without db_default",
        "narrows venicekey.account",
    },
    "0004_gallery": {
        "adds generation.visibility without db_default",
        "adds image.has_parent without db_default",
        "adds image.is_hidden without db_default",
        "adds image.model without db_default",
        "adds image.note without db_default",
        "adds image.style without db_default",
        "adds user.default_visibility without db_default",
    },
    "0005_share": {"adds shareimage.was_private without db_default"},
    "0008_erased": {"adds generation.erased without db_default"},
    "0009_team": {
        "adds user.needs_second_factor without db_default",
        "adds user.safe_mode without db_default",
    },
    "0010_sessions": {"adds user.session_round without db_default"},
    "0013_minor": {"constrains image: minor_is_locked_away"},
    "0015_token": {"adds generation.end_user without db_default"},
}
# "model.column" or "model" -> the release that no longer used it.
GIVEN_UP: dict[str, str] = {}

_ADDS = (
    migrations.CreateModel,
    migrations.AddIndex,
    migrations.RemoveIndex,
    migrations.RenameIndex,
    migrations.RemoveConstraint,
    migrations.AlterModelOptions,
    migrations.AlterModelManagers,
    migrations.AlterModelTableComment,
    migrations.RunPython,
    migrations.RunSQL,
)


def _later() -> list[tuple[migrations.Migration, ProjectState]]:
    """Each of ours after the first, with the state that it meets."""
    loader = MigrationLoader(None)
    names = sorted(name for app, name in loader.disk_migrations if app == "generations")
    return [
        (loader.disk_migrations["generations", name], loader.project_state(("generations", before)))
        for before, name in pairwise(names)
    ]


def forbidden(migration: migrations.Migration, state: ProjectState) -> Iterator[str]:
    """What the old version would stumble over, a line each."""
    if not migration.atomic:
        yield "is not atomic"
    new = {op.name_lower for op in migration.operations if isinstance(op, migrations.CreateModel)}
    for operation in migration.operations:
        model = getattr(operation, "model_name_lower", "")
        # A table that the old version does not know may be made in any order.
        if model not in new and (problem := _problem(operation, state)):
            yield problem
        operation.state_forwards("generations", state)


def _problem(operation: Operation, state: ProjectState) -> str:
    if isinstance(operation, _ADDS):
        return ""
    if isinstance(operation, migrations.SeparateDatabaseAndState):
        found = (_problem(inner, state) for inner in operation.database_operations)
        return next(filter(None, found), "")
    if isinstance(operation, migrations.AddField):
        return (
            ""
            if _fills_itself(operation.field)
            else f"adds {_column(operation)} without db_default"
        )
    if isinstance(operation, migrations.AlterField):
        old = state.models["generations", operation.model_name_lower].fields[operation.name]
        return f"narrows {_column(operation)}" if _is_narrower(old, operation.field) else ""
    if isinstance(operation, migrations.AddConstraint):
        return f"constrains {operation.model_name_lower}: {operation.constraint.name}"
    name = _column(operation)
    return "" if name in GIVEN_UP else f"{type(operation).__name__} {name}"


def _column(operation: Operation) -> str:
    name = getattr(operation, "model_name_lower", "") or getattr(operation, "name_lower", "")
    return f"{name}.{operation.name}" if hasattr(operation, "model_name_lower") else name


def _fills_itself(field: models.Field) -> bool:
    return (
        field.null
        or field.many_to_many
        or field.has_db_default()
        or isinstance(field, models.GeneratedField)
    )


def _is_narrower(old: models.Field, new: models.Field) -> bool:
    if old.null and not new.null:
        return True
    if old.get_internal_type() != new.get_internal_type():
        return True
    if new.unique and not old.unique:
        return True
    limits = ("max_length", "max_digits", "decimal_places")
    before, after = ([getattr(field, name, None) for name in limits] for field in (old, new))
    return any(a is not None and (b is None or a < b) for b, a in zip(before, after, strict=True))


@pytest.mark.parametrize(("migration", "state"), _later(), ids=lambda one: getattr(one, "name", ""))
def test_the_old_version_may_serve_meanwhile(migration, state):
    assert set(forbidden(migration, state)) == BEFORE_THE_RULE.get(migration.name, set())


def _migration(*operations: Operation, atomic: bool = True) -> list[str]:
    state = ProjectState()
    fields = [("id", models.AutoField(primary_key=True)), ("a", models.CharField(max_length=9))]
    state.add_model(
        migrations.state.ModelState(
            "generations", "Old", [*fields, ("n", models.IntegerField(null=True))]
        )
    )
    made = migrations.Migration("9999_x", "generations")
    made.operations, made.atomic = list(operations), atomic
    return list(forbidden(made, state))


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddField("Old", "b", models.IntegerField()),
        migrations.AddField("Old", "b", models.IntegerField(default=1)),
        migrations.RemoveField("Old", "a"),
        migrations.RenameField("Old", "a", "b"),
        migrations.RenameModel("Old", "New"),
        migrations.DeleteModel("Old"),
        migrations.AlterModelTable("Old", "other"),
        migrations.AlterField("Old", "n", models.IntegerField()),
        migrations.AlterField("Old", "a", models.CharField(max_length=8)),
        migrations.AlterField("Old", "a", models.CharField(max_length=9, unique=True)),
        migrations.AlterField("Old", "n", models.CharField(max_length=9, null=True)),
        migrations.AddConstraint("Old", models.CheckConstraint(condition=models.Q(id=1), name="c")),
    ],
    ids=lambda operation: operation.describe(),
)
def test_what_it_would_stumble_over_is_found(operation):
    assert len(_migration(operation)) == 1


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddField("Old", "b", models.IntegerField(null=True)),
        migrations.AddField("Old", "b", models.IntegerField(db_default=1)),
        migrations.AlterField("Old", "a", models.CharField(max_length=10, choices=[("x", "X")])),
        migrations.AlterField("Old", "a", models.CharField(max_length=9, null=True)),
        migrations.AddIndex("Old", models.Index(fields=["a"], name="i")),
        migrations.CreateModel("New", [("id", models.AutoField(primary_key=True))]),
    ],
    ids=lambda operation: operation.describe(),
)
def test_what_it_need_not_know_is_allowed(operation):
    assert _migration(operation) == []


def test_one_that_is_not_atomic_is_found():
    assert _migration(atomic=False) == ["is not atomic"]


def test_a_new_table_is_filled_in_as_one_likes():
    assert not _migration(
        migrations.CreateModel("New", [("id", models.AutoField(primary_key=True))]),
        migrations.AddField("New", "b", models.IntegerField()),
    )
