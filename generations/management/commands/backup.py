import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import DatabaseError

from generations.management import command
from generations.services import backup


class Command(command.Command):
    help = "Write database and images into one archive, while the studio runs. - is stdout."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file")
        parser.add_argument("--with-secrets", action="store_true")

    def handle(self, *args: Any, file: str, with_secrets: bool, **options: Any) -> None:
        try:
            if file == "-":
                made = backup.write(sys.stdout.buffer, with_secrets=with_secrets)
            else:
                made = backup.make(Path(file), with_secrets=with_secrets)
        except (backup.Refused, backup.Unusable) as problem:
            raise CommandError(str(problem)) from None
        except (OSError, DatabaseError) as error:
            reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
            raise CommandError(f"No backup was made: {reason}.") from None
        self._tell(made, file, with_secrets)

    def _tell(self, made: backup.Made, file: str, with_secrets: bool) -> None:
        # Not where the archive itself goes.
        out = self.stderr if file == "-" else self.stdout
        out.write(f"{file}: {made.rows:,} rows and {made.files:,} files.")
        out.write(
            "It holds SECRET_KEY and the encryption keys: who has it can read every secret."
            if with_secrets
            else "SECRET_KEY and the encryption keys are not in it: keep them, too. "
            "Without them no stored secret can be read again."
        )
        if made.vanished:
            out.write(f"{made.vanished:,} files were deleted meanwhile, by people.")
        if made.missing:
            raise CommandError(
                f"The backup was made, but {made.missing:,} files were not in the storage."
            )
