"""What the stand-in was asked and what it charged, so that tests can hold us to the cent."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

MOST_ENTRIES = 20_000
LONGEST_PROMPT = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One image POST. `at` Unix seconds; `key` a fingerprint; `outcome` a status or "cut …"."""

    at: float
    key: str
    endpoint: str
    model: str
    prompt: str
    images: int
    usd: Decimal
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """What all keys together owe: calls that were charged, images made, USD."""

    calls: int
    images: int
    usd: Decimal


class Ledger:
    """Thread-safe. Keeps the last 20,000 entries; the invoice counts all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque(maxlen=MOST_ENTRIES)
        self._invoice = Invoice(calls=0, images=0, usd=Decimal(0))

    def record(self, entry: Entry) -> None:
        with self._lock:
            self._entries.append(entry)
            if entry.usd:
                total = self._invoice
                self._invoice = Invoice(
                    calls=total.calls + 1,
                    images=total.images + entry.images,
                    usd=total.usd + entry.usd,
                )

    def entries(self, marker: str = "") -> list[Entry]:
        """Entries whose prompt contains `marker`, oldest first."""
        with self._lock:
            return [entry for entry in self._entries if marker in entry.prompt]

    def invoice(self) -> Invoice:
        return self._invoice

    def as_json(self) -> dict[str, Any]:
        invoice = self.invoice()
        return {
            "invoice": {**asdict(invoice), "usd": str(invoice.usd)},
            "entries": [{**asdict(entry), "usd": str(entry.usd)} for entry in self.entries()],
        }
