"""A worker process: how many calls it makes at once, and the leases it renews meanwhile."""

import logging
import threading
import uuid
from functools import lru_cache

from django.conf import settings
from django.db import DatabaseError, close_old_connections

from generations.models import Call
from generations.services import call as calls
from generations.services import queue

logger = logging.getLogger(__name__)

RENEW_EVERY = 5.0


class Slots:
    """The calls this process may make at once, and which it is making.

    A bell that rings while all are taken is remembered, so that the one who leaves next looks
    once more: otherwise a job that came in that moment would wait for the sweep.
    """

    def __init__(self, most: int) -> None:
        self._lock = threading.Lock()
        self._most = most
        self._taken = 0
        self._rang = False
        self.running: set[uuid.UUID] = set()

    def enter(self) -> bool:
        with self._lock:
            if self._taken >= self._most:
                self._rang = True
                return False
            self._taken += 1
            return True

    def leave(self) -> bool:
        """Give the place back; True when somebody rang while all places were taken."""
        with self._lock:
            self._taken -= 1
            rang, self._rang = self._rang, False
            return rang

    def free(self) -> int:
        with self._lock:
            return self._most - self._taken


@lru_cache(maxsize=1)
def slots() -> Slots:
    return Slots(settings.PARALLEL_CALLS)


def run(stopping: threading.Event) -> int:
    """Run jobs one after the other while there are any; returns how many."""
    done = 0
    while not stopping.is_set() and slots().enter():
        try:
            call = queue.claim()
            if call is not None:
                _make(call)
                done += 1
        finally:
            rang = slots().leave()
        if call is None and not rang:
            break
    return done


def _make(call: Call) -> None:
    slots().running.add(call.generation_id)
    try:
        calls.make(call)
    except Exception:
        # Its lease ends and the sweep says "may have been charged". The next job goes on.
        logger.exception("call %s of generation %s broke", call.number, call.generation_id)
    finally:
        slots().running.discard(call.generation_id)


def keep_leases() -> threading.Thread:
    """Start the thread that renews the leases of running calls, until the process ends."""
    thread = threading.Thread(target=_renew_for_ever, name="leases", daemon=True)
    thread.start()
    return thread


def _renew_for_ever() -> None:
    pause = threading.Event()
    while not pause.wait(RENEW_EVERY):
        try:
            if running := set(slots().running):
                queue.renew(running)
        except DatabaseError as error:
            logger.warning("leases not renewed: %s", type(error).__name__)
        finally:
            close_old_connections()
