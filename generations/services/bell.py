"""The doorbell: tells workers that there may be work. A lost one is made good by the sweep."""

import logging
from datetime import timedelta

logger = logging.getLogger(__name__)


def ring_to_tell() -> None:
    """Somebody's address may have to be told something. Never raises: the sweep rings again."""
    from generations.tasks import tell

    try:
        tell.apply_async()
    except Exception as error:
        logger.warning("the bell did not ring, the sweep will: %s", type(error).__name__)


def ring(*, after: timedelta = timedelta(0)) -> None:
    """Ring now or later. Never raises: the job is in the database, the sweep rings again."""
    from generations.tasks import work

    try:
        # It does not expire: a worker whose clock is ahead would throw each one away.
        work.apply_async(countdown=after.total_seconds())
    except Exception as error:
        # Whatever a broker may raise, the job is written down: no page fails for want of a bell.
        logger.warning("the bell did not ring, the sweep will: %s", type(error).__name__)
