"""Names and things that the tests of the Venice layer share."""

from __future__ import annotations

KEY = "vn-key-7f3a9c1e5b2d8640aa17"
BASE_URL = "https://venice.test/api/v1"
PNG = b"\x89PNG\r\n\x1a\n-enough-for-a-look-at-the-first-bytes"


class Clock:
    """Unix seconds that only move when told to."""

    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
