"""A worker process: how many calls it makes at once, and the leases it renews meanwhile.

A thread makes one call after the other. What came is kept and settled by a few threads of their
own while its next call waits for Venice already: otherwise a place stands empty for as long as
pictures queue for a decoder, and when many answers come at once that is long. No thread runs
ahead of its last answer by more than one, so answers do not pile up in memory.
"""

import logging
import threading
import time
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache

from django.conf import settings
from django.db import OperationalError, close_old_connections

from generations.models import Call
from generations.services import call as calls
from generations.services import queue
from generations.venice.errors import VeniceError
from generations.venice.types import ImageAnswer

logger = logging.getLogger(__name__)

RENEW_EVERY = 5.0
# While one of them waits for a decoder, others hash, write files and settle.
SETTLERS_PER_DECODER = 4
# Seconds between attempts to write down what came: 40 together.
PAUSES = (0.5, 2.0, 5.0, 12.0, 20.0)


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


@lru_cache(maxsize=1)
def _settlers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings.IMAGE_PROCESSES * SETTLERS_PER_DECODER, "settle")


def run(stopping: threading.Event) -> int:
    """Run jobs one after the other while there are any; returns how many. All are settled then."""
    done = 0
    last: Future[None] | None = None
    while not stopping.is_set() and slots().enter():
        try:
            call = queue.claim()
            if call is not None:
                last = _make(call, last)
                done += 1
        finally:
            rang = slots().leave()
            calls.let_go_of_the_database()
        if call is None and not rang:
            break
    _wait_for(last)
    return done


def _make(call: Call, last: Future[None] | None) -> Future[None] | None:
    """Make the call and settle it; returns what is still under way, None when nothing is."""
    slots().running.add(call.generation_id)
    try:
        came = calls.ask(call)
    except Exception:
        _give_up(call)
        return last
    _wait_for(last)
    # A refusal is settled before the next call: it may stop the key, and then there is none.
    if isinstance(came, VeniceError) or not settings.IMAGE_PROCESSES:
        _settle(call, came)
        return None
    return _settlers().submit(_settle_aside, call, came)


def _wait_for(settling: Future[None] | None) -> None:
    if settling is not None:
        # It needs one of the pool's few connections: 20 who wait with one in hand wait for ever.
        calls.let_go_of_the_database()
        settling.result()


def _settle(call: Call, came: ImageAnswer | VeniceError) -> None:
    try:
        _settle_patiently(call, came)
    except Exception:
        _give_up(call)
    finally:
        slots().running.discard(call.generation_id)


def _settle_patiently(call: Call, came: ImageAnswer | VeniceError) -> None:
    """What came is paid for: a database that is away for a while does not lose it."""
    for pause in PAUSES:
        try:
            return calls.settle(call, came)
        except OperationalError as error:
            logger.warning("settling %s waits %s s: %s", call.generation_id, pause, error)
            calls.let_go_of_the_database()
            time.sleep(pause)
    calls.settle(call, came)


def _settle_aside(call: Call, came: ImageAnswer) -> None:
    try:
        _settle(call, came)
    finally:
        calls.let_go_of_the_database()


def _give_up(call: Call) -> None:
    # Its lease ends and the sweep says "may have been charged". The next job goes on.
    logger.exception("call %s of generation %s broke", call.number, call.generation_id)
    slots().running.discard(call.generation_id)


def keep_leases() -> threading.Thread:
    """Start the thread that renews the leases of running calls, until the process ends."""
    # slots() here, before the first bell: two threads that ask first at once would get two.
    thread = threading.Thread(target=_renew_for_ever, args=(slots(),), name="leases", daemon=True)
    thread.start()
    return thread


def _renew_for_ever(held: Slots) -> None:
    while True:
        try:
            if running := set(held.running):
                queue.renew(running)
            queue.report()
        except Exception as error:
            # Whatever it is, the next round may succeed; without this thread every call is lost.
            logger.warning("leases not renewed: %s", type(error).__name__)
        finally:
            close_old_connections()
        time.sleep(RENEW_EVERY)
