"""Thin Celery wrappers: primitive arguments, one service call."""

import logging
import os
import signal
import threading
import time
from contextlib import suppress
from typing import Any

from celery import shared_task
from celery.signals import (
    after_task_publish,
    beat_init,
    worker_init,
    worker_ready,
    worker_shutting_down,
)

logger = logging.getLogger(__name__)

is_stopping = threading.Event()


@shared_task(name="generations.tasks.work")
def work() -> None:
    """Somebody rang: run jobs until none may run, or this process is full or stopping."""
    from generations.services import worker

    worker.run(is_stopping)


_swept_at = 0.0


@shared_task(name="generations.tasks.sweep")
def sweep() -> None:
    """One round of the sweep; what piled up while no worker lived is one."""
    from django.conf import settings

    from generations.services import queue, webhook

    global _swept_at
    if time.monotonic() - _swept_at < 1.0:
        return
    _swept_at = time.monotonic()
    queue.sweep(settings.PARALLEL_CALLS)
    webhook.sweep()


@shared_task(name="generations.tasks.tell")
def tell() -> None:
    """Somebody's webhook may be due."""
    from generations.services import webhook

    webhook.tell(is_stopping)


@shared_task(name="generations.tasks.refresh_catalogue")
def refresh_catalogue() -> None:
    from generations.services import catalogue, key
    from generations.venice.errors import VeniceError

    try:
        catalogue.learn_durations()
        is_new = catalogue.refresh_if_due()
        key.refresh_limits(all_of_them=is_new)
    except VeniceError as error:
        logger.warning("the catalogue stays as it was: %s", error.code)


@shared_task(name="generations.tasks.empty_trash")
def empty_trash() -> None:
    from generations.services import trash, webhook

    trash.purge()
    webhook.forget()


@shared_task(name="generations.tasks.apply_policy")
def apply_policy() -> None:
    """What waits and breaks the rules as they are now fails."""
    from generations.services import policy

    policy.apply_to_queue()


@shared_task(name="generations.tasks.hold_blocked_terms")
def hold_blocked_terms() -> None:
    """Images whose prompt has a term that is blocked now wait for a reviewer."""
    from generations.services import policy, review

    review.hold_blocked_terms(policy.current().blocked_terms)


@shared_task(name="generations.tasks.forget_sessions")
def forget_sessions() -> None:
    """Sessions that ran out."""
    from generations.services import session

    session.forget_ended()


@beat_init.connect
def write_down_that_beat_rings(**kwargs: Any) -> None:
    """In the process of beat alone: there each sweep that the broker took is noted."""
    from generations.services import beat

    after_task_publish.connect(beat.rang, sender=sweep.name, weak=False)


@shared_task(name="generations.tasks.back_up")
def back_up() -> None:
    """The backup of the day, when one is wanted and nobody has made it."""
    from generations.services import backup

    backup.run_if_due(is_stopping.is_set)


@worker_init.connect
def require_readable_secrets(**kwargs: Any) -> None:
    from generations.services import installation

    installation.require_readable_secrets_at_start()


@worker_ready.connect
def begin(**kwargs: Any) -> None:
    from generations.services import worker

    worker.keep_going()
    _end_at_once_on(signal.SIGQUIT)
    refresh_catalogue.apply_async(expires=60)


@worker_shutting_down.connect
def stop_claiming(how: str, **kwargs: Any) -> None:
    # Celery lets running tasks finish; ours loop, so they must be told not to take another job.
    # Whoever signals again, or says SIGQUIT, does not want to wait: what runs then becomes "may
    # have been charged".
    if how == "Cold" or is_stopping.is_set():
        _end_at_once()
    is_stopping.set()
    _end_at_once_on(signal.SIGINT, signal.SIGQUIT)


def _end_at_once_on(*numbers: int) -> None:
    """Celery's own way first asks its pool to end what runs. That of threads cannot, and the error
    left a worker that neither worked nor ended (found by a drill, 2026-11)."""
    with suppress(ValueError):  # not the main thread: nobody signals that
        for number in numbers:
            signal.signal(number, _end_at_once)


def _end_at_once(*args: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
