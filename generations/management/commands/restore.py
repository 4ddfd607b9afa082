from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import DatabaseError

from generations.management import command
from generations.services import backup


class Command(command.Command):
    help = "Put a backup into an empty installation, of whichever database."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file")
        parser.add_argument("--check", action="store_true", help="only read it")

    def handle(self, *args: Any, file: str, check: bool, **options: Any) -> None:
        if check:
            self._check(Path(file))
            return
        lock = command.lock_data_folder()
        try:
            restored = backup.restore(Path(file))
        except backup.Unusable as problem:
            raise CommandError(f"{problem} Nothing was changed.") from None
        except (OSError, DatabaseError) as error:
            reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
            raise CommandError(f"Nothing was restored: {reason}.") from None
        finally:
            lock.close()
        self._tell(restored)

    def _check(self, path: Path) -> None:
        try:
            found = backup.verify(path)
        except backup.Unusable as problem:
            raise CommandError(str(problem)) from None
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
        rows = sum(table.rows for table in found.tables.values())
        self.stdout.write(f"Whole: {rows:,} rows and {found.files:,} files of {found.made_at}.")

    def _tell(self, restored: backup.Restored) -> None:
        of = restored.manifest
        self.stdout.write(
            f"Restored {restored.rows:,} rows and {restored.files:,} files of {of.made_at} "
            f"(veniceweb {of.version}, {of.database})."
        )
        if restored.waiting:
            self.stdout.write(
                f"{restored.waiting:,} jobs were waiting then. They may have been sent since, so "
                "they stand as “may have been charged” and are not sent by themselves."
            )
        if restored.missing:
            self.stdout.write(f"{restored.missing:,} files were lost before the backup was made.")
        if restored.has_put_secrets:
            self.stdout.write("Its keys are in the data folder now, under secrets.")
        if restored.unreadable:
            found = ", ".join(f"{count:,} {name}" for name, count in restored.unreadable.items())
            self.stdout.write(
                f"Not readable with these VENICEWEB_ENCRYPTION_KEYS: {found}. Set the keys that "
                "they were encrypted with before you start; with others the start refuses."
            )
