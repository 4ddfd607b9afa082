"""What is written in the audit log stays: the database refuses too, whoever asks it.

On SQLite the triggers go with their table when a later migration makes it anew: run `forbid` again.
"""

from django.db import migrations

TABLE = "generations_event"
# By what is refused: "change" holds everywhere; tests that empty their database drop "empty".
SQLITE = {
    "change": [
        f"""
        CREATE TRIGGER event_no_change BEFORE UPDATE ON {TABLE}
        BEGIN SELECT RAISE(ABORT, 'what is written in the audit log stays'); END
        """
    ],
    "empty": [
        f"""
        CREATE TRIGGER event_no_emptying BEFORE DELETE ON {TABLE}
        BEGIN SELECT RAISE(ABORT, 'what is written in the audit log stays'); END
        """
    ],
}
POSTGRESQL = {
    "change": [
        """
        CREATE FUNCTION event_stays() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE 'what is written in the audit log stays'
                USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """,
        f"""
        CREATE TRIGGER event_no_change BEFORE UPDATE OR DELETE ON {TABLE}
        FOR EACH ROW EXECUTE FUNCTION event_stays()
        """,
    ],
    "empty": [
        f"""
        CREATE TRIGGER event_no_emptying BEFORE TRUNCATE ON {TABLE}
        FOR EACH STATEMENT EXECUTE FUNCTION event_stays()
        """
    ],
}
DROP = {
    "sqlite": ["DROP TRIGGER event_no_change", "DROP TRIGGER event_no_emptying"],
    "postgresql": [
        f"DROP TRIGGER event_no_change ON {TABLE}",
        f"DROP TRIGGER event_no_emptying ON {TABLE}",
        "DROP FUNCTION event_stays()",
    ],
}
TRIGGERS = {"sqlite": SQLITE, "postgresql": POSTGRESQL}


def forbid(apps, schema_editor):
    for statements in TRIGGERS[schema_editor.connection.vendor].values():
        for statement in statements:
            schema_editor.execute(statement)


def allow(apps, schema_editor):
    for statement in DROP[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("generations", "0010_sessions")]

    operations = [migrations.RunPython(forbid, allow)]
