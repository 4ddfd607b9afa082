from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from generations.management import command
from generations.models import User
from generations.services import token as tokens
from generations.services.errors import Invalid


class Command(command.Command):
    help = "Make an API token for a person and print it, once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", default="Command line")

    def handle(self, *args: Any, email: str, name: str, **options: Any) -> None:
        user = User.objects.filter(email__iexact=email, is_active=True).first()
        if user is None:
            raise CommandError(f"There is nobody active with the address {email}.")
        try:
            _, text = tokens.create(user, name=name, scopes=tokens.scopes_for(user))
        except Invalid as problem:
            raise CommandError(" ".join(problem.fields.values())) from None
        self.stdout.write(text)
