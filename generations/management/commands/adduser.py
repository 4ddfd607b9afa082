from argparse import ArgumentParser
from getpass import getpass
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from generations.management import command
from generations.models import Event, User
from generations.services import audit
from generations.services import user as users
from generations.services.errors import Invalid


class Command(command.Command):
    help = "Add a person; the password comes from VENICEWEB_PASSWORD or a prompt."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--role", choices=User.Role.values, default=User.Role.MEMBER)
        parser.add_argument("--name", default="")

    def handle(self, *args: Any, email: str, role: str, name: str, **options: Any) -> None:
        password = settings.NEW_PASSWORD or getpass("Password: ")
        try:
            with audit.coming_from(Event.Via.COMMAND):
                user = users.add(email, password, role=role, name=name)
        except Invalid as problem:
            raise CommandError(" ".join(problem.fields.values())) from None
        self.stdout.write(f"Added {user.email} as {user.role}.")
