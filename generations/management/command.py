"""What our commands have in common: what they do is noted as done at the command line."""

import os
import pwd
from typing import Any

from django.core.management.base import BaseCommand

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
