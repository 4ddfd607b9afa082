import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from generations.management import command
from generations.models import User
from generations.services import key as keys
from generations.services.errors import Invalid
from generations.venice.errors import VeniceError


class Command(command.Command):
    help = "Save a Venice key from stdin, for the team or a person. It is tested at Venice first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        whose = parser.add_mutually_exclusive_group(required=True)
        whose.add_argument("--team", action="store_true")
        whose.add_argument("--user", metavar="EMAIL")

    def handle(self, *args: Any, user: str | None, **options: Any) -> None:
        owner = User.objects.filter(email__iexact=user).first() if user else None
        if user and owner is None:
            raise CommandError(f"There is nobody with the address {user}.")
        try:
            key = keys.save(owner, sys.stdin.readline().strip())
        except Invalid as problem:
            raise CommandError(problem.fields["venice_key"]) from None
        except VeniceError as error:
            raise CommandError(f"Not saved: {error.public_message}") from None
        self.stdout.write(f"Saved the key …{key.last_four} for {user or 'the team'}.")
