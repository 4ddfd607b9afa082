"""Once: the same request of a program, sent again, leads to the jobs that are there already.

With an Idempotency-Key the same key and body mean the same jobs for a day. Without one the same
body joins its twin while that runs, and for a minute after it ended without an answer that the
program got: official SDKs send again after a timeout or a 5xx, and that must not cost twice.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from generations.models import ApiToken, Generation, Submission
from generations.models.generation import ACTIVE, State

DAY = timedelta(hours=24)
MINUTE = timedelta(seconds=60)
KEY_LIMIT = 255


class Conflict(Exception):
    """The Idempotency-Key was used for another request; the message is for the program.

    `generation`: the id of what that one led to.
    """

    def __init__(self, generation: str) -> None:
        super().__init__(
            "This Idempotency-Key was used for another request. Nothing was sent. "
            "Take a new key for each new request."
        )
        self.generation = generation


@dataclass(frozen=True, slots=True)
class Once:
    """What makes a request the same as another: who asks, for what, under which key.

    `body`: see `fingerprint`. `key`: the Idempotency-Key, "" without one. `is_retry`: the program
    says that it has sent this before.
    """

    token: ApiToken
    body: str
    key: str = ""
    is_retry: bool = False

    def earlier(self) -> list[Generation]:
        """The jobs that this request leads to, none when it is new. Raises Conflict."""
        if self.key:
            return self._of_key()
        recent = timezone.now() - DAY
        rows = Submission.objects.filter(token=self.token, body=self.body, key="")
        for row in rows.filter(created_at__gt=recent).order_by("-created_at")[:1]:
            jobs = _jobs(row)
            return jobs if _is_joined(row, jobs, is_retry=self.is_retry) else []
        return []

    def _of_key(self) -> list[Generation]:
        row = Submission.objects.filter(token=self.token, key=_hash(self.key)).first()
        if row is None or row.created_at <= timezone.now() - DAY:
            return []
        if row.body != self.body:
            raise Conflict(row.jobs[0])
        return _jobs(row)

    def take(self, jobs: Sequence[Generation]) -> list[Generation]:
        """Write down that this request leads to these jobs, or name those that it led to already.

        Call it inside the transaction that writes the jobs: it locks the token, so that of two
        at once the second sees the first. Raises Conflict.
        """
        # SQLite's IMMEDIATE transaction is the lock already.
        if connection.features.has_select_for_update:
            ApiToken.objects.select_for_update(no_key=True).filter(pk=self.token.pk).first()
        if earlier := self.earlier():
            return earlier
        old = Submission.objects.filter(token=self.token, created_at__lte=timezone.now() - DAY)
        old.delete()
        Submission.objects.create(
            token=self.token,
            key=_hash(self.key) if self.key else "",
            body=self.body,
            jobs=[str(job.pk) for job in jobs],
        )
        return []

    def answered(self, jobs: Sequence[Generation]) -> None:
        """The program has its answer: what it asks from now on is a new wish."""
        rows = Submission.objects.filter(token=self.token, body=self.body, answered_at=None)
        rows.filter(jobs=[str(job.pk) for job in jobs]).update(answered_at=timezone.now())


def fingerprint(what: str, body: Mapping[str, Any]) -> str:
    """The same for the same request, however its JSON was written. `what`: the endpoint."""
    text = json.dumps([what, body], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _jobs(row: Submission) -> list[Generation]:
    ids = [uuid.UUID(pk) for pk in row.jobs]
    found = Generation.objects.in_bulk(ids)
    return [found[pk] for pk in ids if pk in found]


def _is_joined(row: Submission, jobs: Sequence[Generation], *, is_retry: bool) -> bool:
    if any(job.state in ACTIVE for job in jobs):
        return True
    if all(_cost_nothing(job) for job in jobs) or (row.answered_at and not is_retry):
        return False
    ended = [job.finished_at for job in jobs if job.finished_at]
    last = max([*ended, row.answered_at] if row.answered_at else ended, default=row.created_at)
    return last > timezone.now() - MINUTE


def _cost_nothing(job: Generation) -> bool:
    """To make it again cannot pay twice, and this time it may succeed."""
    return job.state == State.CANCELLED or (job.state == State.FAILED and job.charged == 0)
