"""The process that rings for the sweep: when it last did, and whether there are two."""

import logging
from datetime import timedelta
from typing import Any

from django.db import Error, connection
from django.db.models.functions import Now
from django.utils import timezone

from generations.models import Beat
from generations.services import queue
from generations.services.clock import ago

logger = logging.getLogger(__name__)

# It rings every five seconds. After so long it is taken for dead.
SILENCE = timedelta(seconds=30)


def rang(**kwargs: Any) -> None:
    """Beat has handed a sweep to the broker. Never raises: bells go before the book about them."""
    seen = {"seen_at": Now(), "clock": timezone.now()}
    try:
        Beat.objects.update_or_create(
            holder=queue.holder(), defaults=seen, create_defaults={**seen, "started_at": Now()}
        )
        Beat.objects.filter(seen_at__lt=ago(timedelta(days=1))).delete()
    except Error as error:
        logger.warning("that beat rang is not written down: %s", type(error).__name__)
    finally:
        if not connection.in_atomic_block:
            connection.close()


def rivals(beats: list[Beat]) -> list[Beat]:
    """Those that rang after another one had begun: there is more than one. `beats`: newest first.

    One that was replaced has not rung since its successor began.
    """
    newest = max((beat.started_at for beat in beats), default=None)
    found = [beat for beat in beats if newest is not None and beat.seen_at > newest]
    return found if len(found) > 1 else []
