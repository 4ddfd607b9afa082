"""Processes in the background, as they report themselves."""

from typing import ClassVar

from django.db import models


class Process(models.Model):
    """`seen_at` is the database's clock, renewed every few seconds."""

    # Host, process id and a mark of this run.
    holder = models.CharField(primary_key=True, max_length=80)
    seen_at = models.DateTimeField(db_index=True)
    # What its own host took the time for then: the difference is its clock's fault.
    clock = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.holder

    @property
    def host(self) -> str:
        return self.holder.partition(":")[0]

    @property
    def clock_ahead(self) -> float | None:
        """Seconds that its host's clock is before the database's; below 0: behind."""
        return (self.clock - self.seen_at).total_seconds() if self.clock else None


class Worker(Process):
    """A process that takes jobs."""

    # How many calls it makes at once.
    places = models.PositiveSmallIntegerField(default=0)
    # The database's own default: workers of the version before know nothing of these two.
    # Answers on its disk that have waited for a minute, and those that nobody could settle.
    unsettled = models.PositiveIntegerField(db_default=0)
    stuck = models.PositiveIntegerField(db_default=0)


class Beat(Process):
    """A process that rings for the sweep. There has to be one; its row says when it last rang."""

    started_at = models.DateTimeField()

    class Meta(Process.Meta):
        ordering: ClassVar = ["-seen_at"]
