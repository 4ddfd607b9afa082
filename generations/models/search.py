"""Searches that somebody keeps, and the text that images are found by."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone


class SavedSearch(models.Model):
    NAME_LIMIT = 80

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_searches"
    )
    name = models.CharField(max_length=NAME_LIMIT)
    # The gallery's query string, cleaned: read again at each use, like any other from outside.
    query = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("user", "name", name="one_search_a_name"),
        ]

    def __str__(self) -> str:
        return self.name


class ImageText(models.Model):
    """What an image is found by, as queries/text.py writes it: the same for every database.

    PostgreSQL keeps a tsvector of `body` beside it, SQLite an FTS5 index (ImageMatch); both are
    kept by the database itself.
    """

    # Grows with the image's age (text.place_of): a full-text index gives its rows in the order
    # of their ids, so that what is newest comes first without sorting.
    id = models.BigIntegerField(primary_key=True)
    image = models.OneToOneField("Image", models.CASCADE, related_name="text")
    body = models.TextField()

    def __str__(self) -> str:
        return f"text of {self.image_id}"


class ImageMatch(models.Model):
    """SQLite only: the FTS5 table, whose column of its own name takes the MATCH."""

    text = models.OneToOneField(
        ImageText, models.DO_NOTHING, primary_key=True, db_column="rowid", related_name="match"
    )
    words = models.TextField(db_column="generations_imagefts")

    class Meta:
        managed = False
        db_table = "generations_imagefts"

    def __str__(self) -> str:
        return f"match {self.text_id}"


class Match(models.Lookup):
    """`match`: the rows that a full-text expression in the database's own language finds."""

    lookup_name = "match"
    prepare_rhs = False

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        left, params = self.process_lhs(compiler, connection)
        return f"{left} MATCH %s", [*params, self.rhs]

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        left, params = self.process_lhs(compiler, connection)
        vector = left.replace('"body"', '"vector"')
        return f"{vector} @@ to_tsquery('simple', %s)", [*params, self.rhs]


for _field in (ImageText._meta.get_field("body"), ImageMatch._meta.get_field("words")):
    _field.register_lookup(Match)
