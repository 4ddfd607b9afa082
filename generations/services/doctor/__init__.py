"""What is wrong with this installation, and what to do about it. Nothing here asks Venice, and
nothing but a file that is written and deleted again changes anything.

A look that fails is a finding itself: whoever is ill in one place is examined in the others.
"""

from collections.abc import Callable, Iterable, Iterator

from django.core.cache import cache

from generations.services.doctor import base, files, processes, setup, work
from generations.services.doctor.finding import Finding, Level, bad

__all__ = ["Finding", "Level", "examine", "lately"]

Look = Callable[[], Iterable[Finding]]

# What can be asked with nothing but this host, and what needs the database.
WITHOUT_DATABASE: dict[str, Look] = {
    "Settings": setup.settings_fit,
    "Secrets": setup.secrets_are_private,
    "Mail": setup.mail,
    "Broker": base.broker,
    "Storage": base.storage,
    "Disk": base.disk,
    "Paid answers": base.spool_here,
}
WITH_DATABASE: dict[str, Look] = {
    "Encryption keys": setup.keys_fit,
    "Venice keys": setup.venice_keys,
    "Catalogue": setup.catalogue,
    "Backup": setup.backup,
    "Beat": processes.beat,
    "Workers": processes.workers,
    "Clocks": processes.clocks,
    "Queue": work.queue,
    "Jobs": work.jobs,
    "Webhooks": work.webhooks,
}
KEPT = 15


def examine() -> list[Finding]:
    """Everything but the files, which take as long as there are images: see `files`."""
    database = list(_looked("Database", base.database))
    is_away = any(finding.level is Level.BAD for finding in database)
    found = [*database, *_all(WITHOUT_DATABASE)]
    return found if is_away else [*found, *_all(WITH_DATABASE)]


def lately() -> list[Finding]:
    """The same, some seconds old at most: for a page that many may look at."""
    found: list[Finding] | None = cache.get("doctor")
    if found is None:
        found = examine()
        cache.set("doctor", found, KEPT)
    return found


def examine_files(*, is_healing: bool = False) -> Iterator[Finding]:
    """Images whose files are missing, files that belong to none; healed where that is possible."""
    return _looked("Files", files.healed if is_healing else files.found)


def _all(looks: dict[str, Look]) -> Iterator[Finding]:
    for about, look in looks.items():
        yield from _looked(about, look)


def _looked(about: str, look: Look) -> Iterator[Finding]:
    try:
        yield from look()
    except Exception as error:
        what = f"Could not be examined ({type(error).__name__})."
        yield bad(about, what, "See to the other findings first; then look into the log.")
