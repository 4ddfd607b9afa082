"""When the scheduled backups of this installation ran."""

from django.db import models


class Backup(models.Model):
    """The one row by which processes agree on who makes the next one, and what came of the last."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    # A process is at it until then, unless it is dead.
    claimed_until = models.DateTimeField(null=True)
    succeeded_at = models.DateTimeField(null=True)
    file = models.CharField(max_length=300, blank=True)
    bytes = models.BigIntegerField(default=0)
    # Why the newest try came to nothing, in a sentence; empty: it succeeded.
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(id=1), name="one_backup"),)

    def __str__(self) -> str:
        return f"backup of {self.succeeded_at}"
