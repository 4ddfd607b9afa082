"""Counting what strangers do, so that nobody does too much of it.

The counts are in the cache: shared by web processes where there is Redis, as they must be.
"""

from contextlib import suppress

from django.core.cache import cache


def is_allowed(what: str, *, most: int, seconds: int) -> bool:
    """Count one more of `what`; False when that is more than `most` since the first of them."""
    name = f"throttle:{what}"
    if cache.add(name, 1, timeout=seconds):
        return True
    try:
        return cache.incr(name) <= most
    except ValueError:  # it ran out between the two
        cache.set(name, 1, timeout=seconds)
        return True


def forget(what: str) -> None:
    cache.delete(f"throttle:{what}")


def is_first(what: str, *, seconds: int) -> bool:
    """Whether nobody asked this within that time."""
    return cache.add(f"throttle:{what}", 1, timeout=seconds)


def take_back(what: str) -> None:
    """One of `what` does not count after all."""
    with suppress(ValueError):  # it ran out
        cache.decr(f"throttle:{what}")
