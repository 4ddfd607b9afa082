"""Thin Celery wrappers: primitive arguments, one service call."""

import logging
import threading
from typing import Any

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down

logger = logging.getLogger(__name__)

is_stopping = threading.Event()


@shared_task(name="generations.tasks.work")
def work() -> None:
    """Somebody rang: run jobs until none may run, or this process is full or stopping."""
    from generations.services import worker

    worker.run(is_stopping)


@shared_task(name="generations.tasks.sweep")
def sweep() -> None:
    from generations.services import queue, worker

    queue.sweep(worker.slots().free())


@shared_task(name="generations.tasks.refresh_catalogue")
def refresh_catalogue() -> None:
    from generations.services import catalogue
    from generations.venice.errors import VeniceError

    try:
        catalogue.learn_durations()
        catalogue.refresh_if_due()
    except VeniceError as error:
        logger.warning("the catalogue stays as it was: %s", error.code)


@worker_ready.connect
def begin(**kwargs: Any) -> None:
    from generations.services import worker

    worker.keep_leases()
    refresh_catalogue.apply_async(expires=60)


@worker_shutting_down.connect
def stop_claiming(**kwargs: Any) -> None:
    # Celery lets running tasks finish; ours loop, so they must be told not to take another job.
    is_stopping.set()
