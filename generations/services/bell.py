"""The doorbell: tells workers that there may be work. A lost one is made good by the sweep."""

import logging
from datetime import timedelta

logger = logging.getLogger(__name__)


def ring(*, after: timedelta = timedelta(0)) -> None:
    """Ring now or later. Never raises: the job is in the database, the sweep rings again."""
    from generations.tasks import work

    seconds = after.total_seconds()
    try:
        work.apply_async(countdown=seconds, expires=seconds + 60)
    except Exception as error:
        # Whatever a broker may raise, the job is written down: no page fails for want of a bell.
        logger.warning("the bell did not ring, the sweep will: %s", type(error).__name__)
