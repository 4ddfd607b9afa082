"""The gallery's indexes, and the text that images are found by."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Case, F, Q, Value, When

HUNG = Q(deleted_at=None, is_hidden=False)
NEWEST = ["-created_at", "-id"]
RATIOS = [
    *("21:9", "2:1", "16:9", "3:2", "4:3", "5:4", "1:1"),
    *("4:5", "3:4", "2:3", "9:16", "1:2", "9:21"),
]


def near(ratio):
    across, down = (int(side) for side in ratio.split(":"))
    low, high = across * 970 // down, across * 1030 // down
    return Q(width__gte=F("height") * low / 1000, width__lte=F("height") * high / 1000)


SHAPE = Case(
    When(near("1:1"), then=Value("square")),
    When(width__gt=F("height"), then=Value("landscape")),
    default=Value("portrait"),
)
NEAREST = Case(*(When(near(ratio), then=Value(ratio)) for ratio in RATIOS), default=Value(""))


def index(name, *first, condition=HUNG, last=()):
    fields = [*first, *NEWEST, *last]
    return migrations.AddIndex("image", models.Index(fields=fields, condition=condition, name=name))


# The column and its index are kept by the database. Ids that are deleted or written anew tell
# FTS5 what stood there: https://sqlite.org/fts5.html#external_content_tables
GONE = """INSERT INTO generations_imagefts (generations_imagefts, rowid, body)
    VALUES ('delete', old.id, old.body);"""
COME = "INSERT INTO generations_imagefts (rowid, body) VALUES (new.id, new.body);"
SQLITE = [
    # `prefix`: beginnings of two and three letters, each behind the letter of every word, are
    # read as words; longer ones are few. No ranking, so no sizes.
    "CREATE VIRTUAL TABLE generations_imagefts USING fts5 "
    "(body, content='generations_imagetext', content_rowid='id', "
    "columnsize=0, prefix='3 4', tokenize='ascii')",
    f"CREATE TRIGGER image_text_come AFTER INSERT ON generations_imagetext BEGIN {COME} END",
    f"CREATE TRIGGER image_text_gone AFTER DELETE ON generations_imagetext BEGIN {GONE} END",
    f"CREATE TRIGGER image_text_new AFTER UPDATE ON generations_imagetext BEGIN {GONE} {COME} END",
]
POSTGRESQL = [
    "ALTER TABLE generations_imagetext ADD COLUMN vector tsvector "
    "GENERATED ALWAYS AS (to_tsvector('simple', body)) STORED",
    # Without a list of pending entries, which every search would have to read besides.
    "CREATE INDEX image_text_vector ON generations_imagetext USING gin (vector) WITH (fastupdate = off)",
]


def make_index(apps, schema_editor):
    is_sqlite = schema_editor.connection.vendor == "sqlite"
    for statement in SQLITE if is_sqlite else POSTGRESQL:
        schema_editor.execute(statement)


def drop_index(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("DROP TABLE generations_imagefts")


class Migration(migrations.Migration):
    dependencies = [("generations", "0005_share")]

    operations = [
        migrations.AddField(
            model_name="image",
            name="shape",
            field=models.GeneratedField(
                expression=SHAPE, output_field=models.CharField(max_length=9), db_persist=True
            ),
        ),
        migrations.AddField(
            model_name="image",
            name="aspect_ratio",
            field=models.GeneratedField(
                expression=NEAREST, output_field=models.CharField(max_length=5), db_persist=True
            ),
        ),
        migrations.RemoveIndex(model_name="image", name="image_gallery"),
        migrations.RemoveIndex(model_name="image", name="image_of_user"),
        index("image_hung"),
        index("image_of_person", "user"),
        index("image_of_model", "model"),
        index("image_of_style", "style"),
        index("image_of_shape", "shape"),
        index("image_of_ratio", "aspect_ratio"),
        index("image_rated", condition=HUNG & Q(rating__isnull=False), last=["rating"]),
        index("image_with_parent", condition=HUNG & Q(has_parent=True)),
        migrations.AddIndex(
            "image", models.Index(fields=["price"], condition=HUNG, name="image_of_price")
        ),
        migrations.CreateModel(
            name="ImageText",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("body", models.TextField()),
                (
                    "image",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="text",
                        to="generations.image",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ImageMatch",
            fields=[
                (
                    "text",
                    models.OneToOneField(
                        db_column="rowid",
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        related_name="match",
                        serialize=False,
                        to="generations.imagetext",
                    ),
                ),
                ("words", models.TextField(db_column="generations_imagefts")),
            ],
            options={"db_table": "generations_imagefts", "managed": False},
        ),
        migrations.RunPython(make_index, drop_index),
    ]
