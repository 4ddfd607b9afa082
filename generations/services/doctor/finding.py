"""What doctor says: what it looked at, what it found, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    # Works, and somebody should look at it.
    WARN = "warn"
    # Does not work, or will lose something.
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """`about` in a word or two, `what` and `remedy` a sentence each; "" where all is well."""

    level: Level
    about: str
    what: str
    remedy: str = ""


def ok(about: str, what: str) -> Finding:
    return Finding(Level.OK, about, what)


def warn(about: str, what: str, remedy: str) -> Finding:
    return Finding(Level.WARN, about, what, remedy)


def bad(about: str, what: str, remedy: str) -> Finding:
    return Finding(Level.BAD, about, what, remedy)


def lasting(seconds: float) -> str:
    """A length of time as people say it."""
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {name}{'' if number == 1 else 's'}"
    return "less than a second"
