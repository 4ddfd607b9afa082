from typing import Any

from django.core.management.base import CommandError

from generations.management import command
from generations.services import secret


class Command(command.Command):
    help = (
        "Encrypt every stored secret with the first of VENICEWEB_ENCRYPTION_KEYS. Put the new key "
        "in front, restart, run this; then the old keys can be taken away. The studio may run."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            counts = secret.rotate()
        except secret.Unreadable as lost:
            raise CommandError(
                f"Nothing was changed: {lost} cannot be read with these "
                "VENICEWEB_ENCRYPTION_KEYS. Add the keys that they were encrypted with."
            ) from None
        for name, count in counts.items():
            self.stdout.write(f"{name}: {count:,} encrypted again")
        self.stdout.write("All is under the first key now; the others can be taken away.")
