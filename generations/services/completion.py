"""Waiting for jobs to end, for very many who wait, in one thread of the process.

Whoever ends a job announces it after the commit: on a Redis channel where there is Redis. The
database knows without it, so what was announced to nobody is found by looking: every 2 s, and
without Redis all the time, one query for all jobs that anybody waits for. Those who wait are
futures of an event loop; they hold neither a thread nor a connection.
"""

import asyncio
import logging
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Collection, Iterable
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from redis import Redis
from redis.exceptions import RedisError

from generations.models import Generation
from generations.models.generation import ACTIVE
from generations.services import webhook

logger = logging.getLogger(__name__)

CHANNEL = "veniceweb:ended"
# Seconds between looks: beside Redis, without it, and at a SQLite file whether it has changed.
BESIDE, WITHOUT, GLANCE = 2.0, 0.1, 0.02
# Ids in one query.
AT_ONCE = 500
# Ends that were announced before somebody began to wait for them.
REMEMBERED = 10_000


# --- announcing -----------------------------------------------------------------------------


def announce(generation: uuid.UUID) -> None:
    """Tell those who wait that this job has ended, when the transaction is committed; and write
    down, inside it, which webhooks are to be told."""
    webhook.note_end(generation)
    if settings.REDIS_URL:
        transaction.on_commit(lambda: _publish(generation))


def _publish(generation: uuid.UUID) -> None:
    try:
        _redis().publish(CHANNEL, generation.hex)
    except RedisError as error:
        # They look for themselves every 2 s.
        logger.warning("an end was not announced: %s", type(error).__name__)


_clients: dict[str, Any] = {}


def _redis() -> Any:
    url = settings.REDIS_URL
    if url not in _clients:
        _clients[url] = Redis.from_url(url, socket_connect_timeout=1, socket_timeout=5)
    return _clients[url]


# --- waiting --------------------------------------------------------------------------------


async def wait(generations: Collection[uuid.UUID], *, timeout: float) -> bool:
    """Until all of these jobs have ended, or `timeout` seconds; True when they have.

    Cancelling it leaves nothing behind.
    """
    waiter = Waiter(asyncio.get_running_loop(), generations)
    watch().add(waiter)
    try:
        async with asyncio.timeout(timeout):
            await waiter.future
    except TimeoutError:
        return False
    finally:
        watch().remove(waiter)
    return True


class Waiter:
    """Somebody in an event loop who waits for some jobs."""

    def __init__(self, loop: asyncio.AbstractEventLoop, jobs: Iterable[uuid.UUID]) -> None:
        self.loop, self.left = loop, set(jobs)
        self.future: asyncio.Future[None] = loop.create_future()

    def ended(self, job: uuid.UUID) -> None:
        """Called in the watching thread."""
        self.left.discard(job)
        if not self.left:
            try:
                self.loop.call_soon_threadsafe(self._wake)
            except RuntimeError:  # the loop has ended, and its server with it
                logger.debug("nobody waits any more")

    def _wake(self) -> None:
        if not self.future.done():
            self.future.set_result(None)


class Watch:
    """The one thread of a process that looks which jobs have ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._somebody_waits = threading.Event()
        self._waiters: dict[uuid.UUID, set[Waiter]] = {}
        self._ended: OrderedDict[uuid.UUID, None] = OrderedDict()
        self._thread: threading.Thread | None = None

    def add(self, waiter: Waiter) -> None:
        with self._lock:
            for job in list(waiter.left):
                if job in self._ended:
                    waiter.ended(job)
                else:
                    self._waiters.setdefault(job, set()).add(waiter)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="ends", daemon=True)
                self._thread.start()
            self._somebody_waits.set()

    def remove(self, waiter: Waiter) -> None:
        with self._lock:
            for job in waiter.left:
                if waiters := self._waiters.get(job):
                    waiters.discard(waiter)
                    if not waiters:
                        del self._waiters[job]
            if not self._waiters:
                self._somebody_waits.clear()

    def waiting(self) -> int:
        """How many jobs anybody waits for."""
        return len(self._waiters)

    def _tell(self, jobs: Iterable[uuid.UUID]) -> None:
        with self._lock:
            for job in jobs:
                self._ended[job] = None
                for waiter in self._waiters.pop(job, ()):
                    waiter.ended(job)
            while len(self._ended) > REMEMBERED:
                self._ended.popitem(last=False)
            if not self._waiters:
                self._somebody_waits.clear()

    # --- the thread ---------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            try:
                if settings.REDIS_URL:
                    self._listen()
                else:
                    self._glance()
            except RedisError as error:
                logger.warning("Redis is away, we look ourselves: %s", type(error).__name__)
                self._look_for(BESIDE)
            except (OperationalError, InterfaceError) as error:
                logger.warning("the database is away: %s", type(error).__name__)
                connection.close()
                time.sleep(WITHOUT)
            except Exception:
                # Without this thread nobody is answered any more.
                logger.exception("looking for ends broke")
                time.sleep(BESIDE)

    def _listen(self) -> None:
        """Announcements as they come, and a look every 2 s. Raises RedisError."""
        with _redis().pubsub(ignore_subscribe_messages=True) as channel:
            channel.subscribe(CHANNEL)
            channel.get_message(timeout=1)  # its confirmation: from now on nothing is missed
            self._look()
            looked = time.monotonic()
            while True:
                message = channel.get_message(timeout=BESIDE)
                ends = []
                while message is not None:
                    ends.append(uuid.UUID(message["data"].decode()))
                    message = channel.get_message() if len(ends) < AT_ONCE else None
                self._tell(ends)
                if self._somebody_waits.is_set() and time.monotonic() - looked > BESIDE:
                    self._look()
                    looked = time.monotonic()

    def _look_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._look()
            time.sleep(WITHOUT)

    def _glance(self) -> None:
        """Without Redis. A SQLite file says almost for nothing whether anybody wrote to it."""
        if not self._somebody_waits.is_set():
            connection.close()
            self._somebody_waits.wait()
        if connection.vendor != "sqlite":
            self._look_for(WITHOUT)
            return
        self._look()
        seen = _data_version()
        looked = time.monotonic()
        while self._somebody_waits.is_set() and not settings.REDIS_URL:
            time.sleep(GLANCE)
            now = _data_version()
            if now != seen or time.monotonic() - looked > BESIDE:
                self._look()
                seen, looked = now, time.monotonic()

    def _look(self) -> None:
        """Ask the database for all who wait."""
        with self._lock:
            jobs = list(self._waiters)
        for first in range(0, len(jobs), AT_ONCE):
            part = jobs[first : first + AT_ONCE]
            rows = Generation.objects.filter(pk__in=part)
            running = set(rows.filter(state__in=ACTIVE).values_list("pk", flat=True))
            self._tell(job for job in part if job not in running)
        if connection.vendor != "sqlite":
            connection.close()


def _data_version() -> int:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA data_version")
        return int(cursor.fetchone()[0])


_watch: Watch | None = None
_making = threading.Lock()


def watch() -> Watch:
    """The one of this process."""
    global _watch
    with _making:
        if _watch is None:
            _watch = Watch()
        return _watch
