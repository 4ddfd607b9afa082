"""A worker process: how many calls it makes at once, what it settles, the leases it renews.

A thread makes one call after the other. What came is kept and settled by a few threads of their
own while its next call waits for Venice already: otherwise a place stands empty for as long as
pictures queue for a decoder, and when many answers come at once that is long. No thread runs
ahead of its last answer by more than one, so answers do not pile up in memory.

An answer is on disk (`spool`) before anything is done with it. When it cannot be settled now, it
is tried again every few seconds, its lease is renewed meanwhile, and while the storage is away
nothing more is asked of Venice.
"""

import logging
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections

from generations.models import Call
from generations.services import bell, queue, spool, trail
from generations.services import call as calls
from generations.services import image as images
from generations.services.image import StorageAway
from generations.venice.errors import VeniceError
from generations.venice.types import ImageAnswer

logger = logging.getLogger(__name__)

# Seconds between renewals of leases, and between attempts to settle what waits.
EVERY = 5.0
# While one of them waits for a decoder, others hash, write files and settle.
SETTLERS_PER_DECODER = 4
# What passes by itself: until then the answer waits.
PASSING = (OperationalError, InterfaceError, StorageAway)
# Anything else may pass too. After so many attempts it does not.
MOST_FAILURES = 6
# Bells that a thread which found work rings while there is more and places are free.
MORE = 2


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
        self._sent_away = False
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

    def send_away(self) -> None:
        """Somebody found nothing to do while calls were under way."""
        with self._lock:
            self._sent_away = True

    def has_sent_away(self) -> bool:
        """Whether that happened since this was asked last."""
        with self._lock:
            sent_away, self._sent_away = self._sent_away, False
            return sent_away

    def free(self) -> int:
        with self._lock:
            return self._most - self._taken

    def renew(self) -> None:
        if running := set(self.running):
            queue.renew(running)

    def report(self) -> None:
        queue.report(places=self._most)


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
    while not stopping.is_set() and not storage_is_away.is_set() and slots().enter():
        try:
            call = _claimed()
            if call is not None:
                last = _make(call, last)
                done += 1
        finally:
            rang = slots().leave()
            calls.let_go_of_the_database()
        if call is None and not rang:
            slots().send_away()
            break
    _wait_for(last)
    return done


def _claimed() -> Call | None:
    try:
        call = queue.claim()
    except (OperationalError, InterfaceError) as error:
        logger.warning("nothing is claimed while the database is away: %s", error)
        return None
    if call is not None:
        # First of all, for from now on its lease runs.
        slots().running.add(call.generation_id)
        with suppress(OperationalError, InterfaceError):
            _wake_others()
    return call


def _wake_others() -> None:
    """Where one job waits there may be more: a place that stands empty would learn it late."""
    free = slots().free()
    if free and queue.may_run():
        for _ in range(min(MORE, free)):
            bell.ring()


@trail.of_call
def _make(call: Call, last: Future[None] | None) -> Future[None] | None:
    """Make the call and settle it; returns what is still under way, None when nothing is."""
    try:
        came = calls.ask(call)
        due = Due(call, came) if isinstance(came, VeniceError) else _kept(call, came)
    except Exception:
        _give_up(call)
        return last
    _wait_for(last)
    # A refusal is settled before the next call: it may stop the key, and then there is none.
    if due.kept is None or not settings.IMAGE_PROCESSES:
        _settle(due)
        return None
    return _settlers().submit(_settle_aside, due)


def _wait_for(settling: Future[None] | None) -> None:
    if settling is not None:
        # It needs one of the pool's few connections: 20 who wait with one in hand wait for ever.
        calls.let_go_of_the_database()
        settling.result()


# --- settling -------------------------------------------------------------------------------


@dataclass
class Due:
    """What came of a call and is not settled yet: an error, or an answer in the spool."""

    call: Call
    error: VeniceError | None = None
    kept: spool.Kept | None = None
    # How often it failed for a reason that nobody foresaw.
    failures: int = 0

    def settle(self) -> None:
        came = self.kept.read() if self.kept else self.error
        assert came is not None
        try:
            calls.settle(self.call, came)
        except calls.AlreadySettled as settled:
            logger.info("settled already: %s", settled)
        if self.kept:
            self.kept.remove()


def _kept(call: Call, answer: ImageAnswer) -> Due:
    return Due(call, kept=spool.keep(call, answer))


# What could not be settled yet, by the call's id; and whether it is the storage's fault.
_waiting: dict[uuid.UUID, Due] = {}
storage_is_away = threading.Event()


@trail.of_call
def _settle(due: Due) -> bool:
    """True when it is settled, or never will be."""
    try:
        due.settle()
    except PASSING as error:
        _wait_with(due, error)
        return False
    except Exception as error:
        due.failures += 1
        if due.failures < MOST_FAILURES:
            _wait_with(due, error)
            return False
        _give_up(due.call)
        if due.kept:
            due.kept.set_aside()
    slots().running.discard(due.call.generation_id)
    return True


def _wait_with(due: Due, error: Exception) -> None:
    logger.warning("generation %s waits to be settled: %r", due.call.generation_id, error)
    if due.kept and due.kept.path:
        due.kept.answer = None  # it is on disk; many of them would fill the memory
    _waiting[due.call.pk] = due
    if isinstance(error, StorageAway):
        storage_is_away.set()
        with suppress(OperationalError, InterfaceError):
            calls.tell_that_it_waits(due.call)


def _settle_aside(due: Due) -> None:
    try:
        if _settle(due):
            with suppress(OperationalError, InterfaceError):
                _call_back()
    finally:
        calls.let_go_of_the_database()


def _call_back() -> None:
    """A call counts against its account until it is settled, and by then the thread that made it
    may have been told that the account has too many. Without this nobody looked again before the
    sweep."""
    if slots().has_sent_away() and queue.may_run():
        bell.ring()


def settle_waiting() -> None:
    """Try again what could not be settled, and settle what a dead process left behind."""
    for pk, due in list(_waiting.items()):
        if _settle(due):
            _waiting.pop(pk, None)
        elif not due.failures:
            return  # what is away is away for the others too
    if storage_is_away.is_set():
        storage_is_away.clear()
        bell.ring()
    for kept in spool.left_behind():
        _settle_left_behind(kept)
    images.make_missing_copies()


def _settle_left_behind(kept: spool.Kept) -> None:
    call = calls.of_answer(kept.call)
    if call is None:
        kept.remove()
        return
    logger.warning("the answer to call %s was left behind; settling it", kept.call)
    _settle(Due(call, kept=kept))


def _give_up(call: Call) -> None:
    # Its lease ends and the sweep says "may have been charged". The next job goes on.
    logger.exception("call %s of generation %s broke", call.number, call.generation_id)
    slots().running.discard(call.generation_id)


# --- the threads that keep things going -----------------------------------------------------


def keep_going() -> None:
    """Start the threads that renew leases and settle what waits, until the process ends."""
    # slots() here, before the first bell: two threads that ask first at once would get two.
    held = slots()
    for name, duties in (("leases", (held.renew, held.report)), ("spool", (settle_waiting,))):
        threading.Thread(target=_for_ever, args=duties, name=name, daemon=True).start()


def _for_ever(*duties: Callable[[], None]) -> None:
    while True:
        for duty in duties:
            try:
                duty()
            except Exception as error:
                # The next round may succeed; without these threads every call is lost.
                logger.warning("%s did not succeed: %s", duty.__name__, type(error).__name__)
        close_old_connections()
        # A clock that is set anew can break the wait; this thread must not end of it.
        with suppress(OSError):
            time.sleep(EVERY)
