import time
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.template.defaultfilters import filesizeformat

from generations.management import command
from generations.services import moving, stock
from generations.services.moving import End, Report

# Seconds between two lines about how far it is.
_EVERY = 5.0


class Command(command.Command):
    help = (
        "Copy every image to another storage, each file verified. The studio may run; run it again "
        "as often as you like. In this order: copy; set VENICEWEB_STORAGE_URL to the new storage "
        "and restart everything; copy once more with --from, for what came meanwhile; then the "
        "same with --delete."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", required=True, metavar="URL|data", help="s3://…, or data")
        parser.add_argument(
            "--from",
            dest="source",
            metavar="URL|data",
            help="where they are now; default the storage that the studio uses",
        )
        parser.add_argument(
            "--delete",
            action="store_true",
            help="take them out of the old storage, each after its copy was read again",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        source, target = _config(options["source"]), _config(options["to"])
        _refuse_nonsense(source, target, is_deleting=options["delete"])
        self.told_at = time.monotonic()
        try:
            report = moving.move(
                moving.storage_of(source),
                moving.storage_of(target),
                is_deleting=options["delete"],
                tell=self._tell,
            )
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise CommandError(f"Stopped: {why}. What is done stays; run it again.") from None
        except stock.TooManyOrphans as problem:
            raise CommandError(
                f"All is copied, but {problem}, more than belong to one. Is this their database? "
                "They were not deleted."
            ) from None
        except KeyboardInterrupt:
            raise CommandError("Stopped. What is done stays; run it again to go on.") from None
        self._report(report, is_deleting=options["delete"])

    def _tell(self, report: Report) -> None:
        if time.monotonic() - self.told_at < _EVERY:
            return
        self.told_at = time.monotonic()
        part = f"{report.shelves / len(stock.SHELVES):.0%}"
        self.stdout.write(f"{part}: {_copied(report)}, {report.counts[End.THERE]:,} were there")

    def _report(self, report: Report, *, is_deleting: bool) -> None:
        for end, name in report.problems:
            self.stderr.write(f"{end}: {name}")
        self.stdout.write(f"{_copied(report)}, {report.counts[End.THERE]:,} were there already.")
        if is_deleting:
            self.stdout.write(
                f"{report.deleted:,} deleted in the old storage, and {report.orphans:,} that "
                "belonged to no image any more."
            )
        if not report.is_whole:
            raise CommandError(
                f"{report.counts[End.MISSING]:,} files are in neither storage, "
                f"{report.counts[End.DAMAGED]:,} are not what they were and stay where they are."
            )


def _config(url: str | None) -> dict[str, Any]:
    if url is None:
        found: dict[str, Any] = settings.STORAGES["default"]
        return found
    try:
        return dict(settings.STORAGE_AT(url))
    except ValueError as problem:
        raise CommandError(f"That address {problem}.") from None


def _refuse_nonsense(source: dict[str, Any], target: dict[str, Any], *, is_deleting: bool) -> None:
    ours = moving.place(settings.STORAGES["default"])
    if moving.place(source) == moving.place(target):
        raise CommandError("Old and new storage are the same. Say with --from where images are.")
    if is_deleting and moving.place(target) != ours:
        raise CommandError(
            "The studio still reads from the old storage. Set VENICEWEB_STORAGE_URL to the new "
            "one, restart everything, copy once more, and delete then. Nothing was changed."
        )


def _copied(report: Report) -> str:
    return f"{report.counts[End.COPIED]:,} files copied ({filesizeformat(report.bytes)})"
