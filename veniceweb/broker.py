"""Messages as files in a folder, for a studio on one machine without Redis.

Kombu's own filesystem transport opens a message before it writes it (5.7.0, 2026-11): a consumer
that looks in between reads nothing, and a Celery worker takes that for the end of the world,
with sixteen calls under way. Here a message gets its name only when it is complete, whoever
renames it first has it, and what cannot be read is dropped: a lost doorbell is rung again.
"""

import json
import os
import uuid
from collections import deque
from pathlib import Path
from queue import Empty
from time import monotonic_ns
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem

SCHEME = "folder"


class Channel(filesystem.Channel):
    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]
        # The clock in the name keeps the order; it is the machine's, so all processes share it.
        name = f"{monotonic_ns():020d}_{uuid.uuid4().hex}.{queue}.msg"
        _write_whole(Path(self.data_folder_out) / name, payload)

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        waiting = self._waiting(queue)
        while waiting:
            payload = _take(Path(self.data_folder_in) / waiting.popleft())
            if payload is not None:
                return payload
        raise Empty

    def _waiting(self, queue: str) -> deque[str]:
        # Listing a folder of ten thousand for each of them would take minutes.
        known: dict[str, deque[str]] = self.__dict__.setdefault("_known", {})
        if not known.get(queue):
            names = os.listdir(self.data_folder_in)
            known[queue] = deque(sorted(n for n in names if n.partition(".")[2] == f"{queue}.msg"))
        return known[queue]

    def _queue_bind(self, exchange: Any, routing_key: Any, pattern: Any, queue: Any) -> None:
        entry = [routing_key or "", pattern or "", queue or ""]
        table = [list(row) for row in self.get_table(exchange)]
        if entry not in table:
            path: Path = self._exchange_file(exchange)  # type: ignore[attr-defined]
            _write_whole(path, [entry, *table])


def _write_whole(path: Path, content: Any) -> None:
    # Kombu looks for names that end in .msg or .exchange; this one does not yet.
    draft = path.with_name(f".{uuid.uuid4().hex}.draft")
    draft.write_text(json.dumps(content))
    draft.replace(path)


def _take(path: Path) -> Any:
    """The message, if this process is the one that gets it; None if not, or if it is broken."""
    mine = path.with_name(f".{uuid.uuid4().hex}.taken")
    try:
        path.rename(mine)
    except FileNotFoundError:
        return None
    try:
        return json.loads(mine.read_bytes())
    except ValueError:
        return None
    finally:
        mine.unlink(missing_ok=True)


class Transport(filesystem.Transport):
    Channel = Channel


TRANSPORT_ALIASES[SCHEME] = "veniceweb.broker:Transport"
