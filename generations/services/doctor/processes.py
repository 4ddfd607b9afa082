"""Who works in the background: the workers, the one beat, and their clocks."""

import time
from collections.abc import Iterator
from datetime import timedelta

from django.db import connection

from generations import queries
from generations.models import Beat, Worker
from generations.services import beat as beats
from generations.services import queue as queues
from generations.services.doctor.base import STUCK
from generations.services.doctor.finding import Finding, bad, lasting, ok, warn

START_BEAT = "Start one: manage.py up does, or celery -A veniceweb beat."
START_WORKER = "Start one: manage.py up does, or celery -A veniceweb worker."
# Clocks that differ by less are set well; by more, sessions and codes go wrong.
AMISS, WRONG = timedelta(seconds=5), timedelta(seconds=60)
SET_CLOCK = "Let that host ask a time server (NTP)."


def beat() -> Iterator[Finding]:
    about, found = "Beat", list(queries.seen_beats())
    if not found:
        yield bad(about, "It never rang here.", START_BEAT)
        return
    silence = found[0].now - found[0].seen_at  # type: ignore[attr-defined]
    if silence > beats.SILENCE:
        what = f"It rang {lasting(silence.total_seconds())} ago the last time."
        remedy = f"{START_BEAT} Without it lost bells are not rung again, and lost jobs stay open."
        yield bad(about, what, remedy)
        return
    living = [row for row in found if row.now - row.seen_at <= beats.SILENCE]  # type: ignore[attr-defined]
    if rivals := beats.rivals(living):
        hosts = ", ".join(sorted(row.holder.rpartition(":")[0] for row in rivals))
        what = f"There are {len(rivals)}: {hosts}. Nothing goes wrong, but all is done twice."
        yield warn(about, what, "Stop all but one.")
    else:
        yield ok(about, f"It rang {lasting(max(silence.total_seconds(), 0))} ago.")


def workers() -> Iterator[Finding]:
    about, found = "Workers", list(queries.living_workers(queues.SILENCE))
    if not found:
        yield bad(about, "None has reported within 30 seconds: nothing is made.", START_WORKER)
        return
    places = sum(worker.places for worker in found)
    one = f"{len(found)} worker{'' if len(found) == 1 else 's'}"
    yield ok(about, f"{one} with {places} places in all.")
    yield from _paid_answers(found)


def _paid_answers(found: list[Worker]) -> Iterator[Finding]:
    about = "Paid answers"
    if stuck := sorted({worker.host for worker in found if worker.stuck}):
        yield warn(about, f"Some could not be settled on {', '.join(stuck)}.", STUCK)
    if waiting := sorted({worker.host for worker in found if worker.unsettled}):
        what = f"Some have waited for more than a minute on {', '.join(waiting)}."
        yield warn(about, what, "See to the storage and the database: then they settle themselves.")


def clocks() -> Iterator[Finding]:
    """Each against the database's, which leases, limits and the queue go by."""
    rows: list[Worker | Beat] = [
        *queries.living_workers(queues.SILENCE),
        *queries.living_beats(beats.SILENCE),
    ]
    found = {"this host": _here()}
    for row in rows:
        if row.clock_ahead is not None:
            # The worst of what its processes say.
            found[row.host] = max(found.get(row.host, 0.0), row.clock_ahead, key=abs)
    wrong = {host: ahead for host, ahead in found.items() if abs(ahead) > AMISS.total_seconds()}
    for host, ahead in wrong.items():
        where = "ahead of" if ahead > 0 else "behind"
        what = f"That of {host} is {lasting(abs(ahead))} {where} the database’s."
        level = bad if abs(ahead) > WRONG.total_seconds() else warn
        yield level("Clocks", what, SET_CLOCK)
    if not wrong:
        yield ok("Clocks", "All go like the database’s.")


def _here() -> float:
    """Seconds that this host's clock is ahead."""
    before = time.time()
    with connection.cursor() as cursor:
        cursor.execute(_NOW[connection.vendor])
        told = float(cursor.fetchone()[0])
    return (before + time.time()) / 2 - told


_NOW = {
    "postgresql": "SELECT extract(epoch FROM clock_timestamp())",
    "sqlite": "SELECT (julianday('now') - 2440587.5) * 86400.0",
}
