"""Images without files, and files without an image: `services.stock` looks, and heals."""

from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from itertools import chain
from typing import Any

from generations.services.doctor.finding import Finding, Level, bad, ok, warn

_STOCK = "generations.services.stock"
# By the kind's name there: how bad, and what to do.
_REMEDIES = {
    "MISSING_ORIGINAL": (Level.BAD, "Put them back from a backup: manage.py restore says how."),
    "DAMAGED_ORIGINAL": (Level.BAD, "Put them back from a backup: manage.py restore says how."),
    "MISSING_COPY": (Level.WARN, "Run manage.py doctor --heal: it makes them again."),
    "ORPHAN": (Level.WARN, "Run manage.py doctor --heal: it deletes them."),
}


def found() -> Iterator[Finding]:
    stock = _stock()
    counts = Counter(one.kind for one in chain(stock.missing(), stock.orphans()))
    yield from (_told(kind, count) for kind, count in counts.items())
    if not counts:
        yield ok("Files", "Every image has its files, and every file its image.")


def _told(kind: Any, count: int) -> Finding:
    level, remedy = _REMEDIES.get(kind.name, (Level.BAD, "Look into the log."))
    return Finding(level, "Files", f"{count:,} × {kind.value}.", remedy)


def healed() -> Iterator[Finding]:
    stock = _stock()
    done: Counter[str] = Counter()
    left: Counter[tuple[str, str]] = Counter()
    try:
        for one in stock.heal():
            if one.is_done:
                done[one.finding.kind.value] += 1
            else:
                left[one.finding.kind.value, one.why] += 1
    except stock.TooManyOrphans as reason:
        yield bad("Files", f"{reason}: probably another database than theirs.", _ANOTHER)
    for kind, count in done.items():
        yield ok("Files", f"{count:,} × {kind}: healed.")
    for (kind, why), count in left.items():
        yield warn("Files", f"{count:,} × {kind}. {why}", "Restore a backup that has them.")
    if not done and not left:
        yield ok("Files", "There was nothing to heal.")


_ANOTHER = "See that DATABASE_URL and the storage belong together; nothing was deleted."


def _stock() -> Any:
    if find_spec(_STOCK) is None:
        raise NotImplementedError
    return import_module(_STOCK)
