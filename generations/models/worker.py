"""Worker processes, as they report themselves."""

from django.db import models


class Worker(models.Model):
    """A process that takes jobs. `seen_at` is the database's clock, renewed every few seconds."""

    holder = models.CharField(primary_key=True, max_length=80)
    # How many calls it makes at once.
    places = models.PositiveSmallIntegerField(default=0)
    seen_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.holder
