"""What our commands have in common: what they do is noted as done at the command line."""

import fcntl
import os
import pwd
from typing import IO, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from generations.models import Event
from generations.services import audit


class Command(BaseCommand):
    def execute(self, *args: Any, **options: Any) -> Any:
        with audit.coming_from(Event.Via.COMMAND, who=_account()):
            return super().execute(*args, **options)


def _account() -> str:
    """The account of the machine that runs it; "" in a container that has no name for it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return ""


def lock_data_folder() -> IO[str]:
    """Nobody else runs a studio on it until the file is closed. Raises CommandError."""
    file: IO[str] = (settings.DATA / "up.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise CommandError(f"A studio is already running on {settings.DATA}.") from None
    return file
