"""An answer that has to be waited for, without a thread: veniceweb.asgi awaits it."""

import logging
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase

from generations.api import errors
from generations.api.access import BROKE, sealed
from generations.api.errors import ApiError
from generations.models import Generation
from generations.services import completion

logger = logging.getLogger(__name__)

# Seconds that a request waits for its jobs, unless it asks for less.
LONGEST = 300.0

Finish = Callable[[list[Generation], bool], HttpResponseBase]


class Waiting(HttpResponse):
    """Waits until these jobs have ended, or `timeout` seconds; then `finish` makes the answer.

    `finish` gets the jobs as they are then, in this order, and whether all have ended. When the
    program goes away meanwhile, the jobs go on.
    """

    def __init__(
        self, jobs: Sequence[Generation], *, path: str, timeout: float, finish: Finish
    ) -> None:
        super().__init__()
        self.jobs: list[uuid.UUID] = [job.pk for job in jobs]
        self.path, self.timeout, self._finish = path, timeout, finish
        self["X-Generation-Id"] = str(self.jobs[0])
        self["X-Request-Id"] = self.jobs[0].hex

    async def wait(self) -> bool:
        return await completion.wait(self.jobs, timeout=self.timeout)

    def finish(self, is_over: bool) -> HttpResponseBase:
        try:
            response = self._finish(self._found(), is_over)
        except ApiError as error:
            response = errors.response(error, self.path)
        except Exception as error:
            response = errors.response(_broken(error, self.jobs), self.path)
        for name in ("X-Generation-Id", "X-Request-Id"):
            response.headers.setdefault(name, self[name])
        return sealed(response)

    def _found(self) -> list[Generation]:
        found: dict[Any, Generation] = Generation.objects.in_bulk(self.jobs)
        return [found[pk] for pk in self.jobs]


def _broken(error: Exception, jobs: Sequence[uuid.UUID]) -> ApiError:
    """Whoever asks again joins these jobs, and pays nothing."""
    if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
        logger.warning("the answer about %s waits for the storage: %r", jobs, error)
        return errors.storage_away()
    logger.error("the answer about %s broke", jobs, exc_info=error)
    return ApiError("server_error", BROKE)
