"""What one key may do: a rolling minute of image requests, a lockout after failures, a balance."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from decimal import Decimal

WINDOW = 60.0
FAILURE_WINDOW = 30.0
MOST_FAILURES = 20
LOCKOUT = 30.0


class Account:
    """The state behind one key. Thread-safe; times are Unix seconds of the given clock."""

    def __init__(self, *, per_minute: int, credit: Decimal, clock: Callable[[], float]) -> None:
        self.per_minute = per_minute
        self._credit = credit
        self._clock = clock
        self._lock = threading.Lock()
        self._requests: deque[float] = deque()
        self._failures: deque[float] = deque()
        self._locked_until = 0.0

    def admit(self) -> bool:
        """Count one image request; False when the last 60 s hold as many as allowed."""
        with self._lock:
            self._forget_old(self._requests, WINDOW)
            if len(self._requests) >= self.per_minute:
                return False
            self._requests.append(self._clock())
            return True

    def fail(self) -> None:
        """Count one answer that was no success; the 21st within 30 s locks the key out."""
        if self.locked_until is not None:
            return
        with self._lock:
            self._forget_old(self._failures, FAILURE_WINDOW)
            self._failures.append(self._clock())
        if len(self._failures) > MOST_FAILURES:
            self.lock()

    def lock(self) -> None:
        with self._lock:
            self._locked_until = self._clock() + LOCKOUT
            self._failures.clear()

    def charge(self, usd: Decimal) -> None:
        with self._lock:
            self._credit -= usd

    @property
    def credit(self) -> Decimal:
        return self._credit

    @property
    def locked_until(self) -> float | None:
        until = self._locked_until
        return until if until > self._clock() else None

    def headers(self) -> dict[str, str]:
        """Venice names the reset in milliseconds, whatever its documentation says."""
        with self._lock:
            self._forget_old(self._requests, WINDOW)
            left = max(self.per_minute - len(self._requests), 0)
            first = self._requests[0] if self._requests else self._clock()
        return {
            "x-ratelimit-limit-requests": str(self.per_minute),
            "x-ratelimit-remaining-requests": str(left),
            "x-ratelimit-reset-requests": str(int((first + WINDOW) * 1000)),
            "x-venice-balance-usd": str(self._credit),
            "x-venice-balance-diem": "0.000000000000000001",
        }

    def _forget_old(self, times: deque[float], window: float) -> None:
        while times and times[0] <= self._clock() - window:
            times.popleft()
