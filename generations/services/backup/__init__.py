"""Backups: made while the studio runs, restored into an empty one of either database kind."""

from generations.services.backup.make import Made, Refused, Stopped, make, write
from generations.services.backup.restore import Restored, restore
from generations.services.backup.schedule import last, problem, run_if_due
from generations.services.backup.tar import Unusable
from generations.services.backup.verify import Manifest, verify

__all__ = [
    "Made",
    "Manifest",
    "Refused",
    "Restored",
    "Stopped",
    "Unusable",
    "last",
    "make",
    "problem",
    "restore",
    "run_if_due",
    "verify",
    "write",
]
