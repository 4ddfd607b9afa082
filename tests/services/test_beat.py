"""Beat writes down that it rang; two of them are told from one that was replaced."""

from datetime import timedelta

import pytest
from celery import signals
from django.utils import timezone

from generations import tasks
from generations.models import Beat
from generations.services import beat, queue

pytestmark = [pytest.mark.django_db, pytest.mark.services]


@pytest.fixture
def ringing():
    """As in the process of beat, which says so to whoever listens."""
    signals.beat_init.send(sender=None)
    yield
    signals.after_task_publish.disconnect(beat.rang, sender=tasks.sweep.name)


def test_only_a_sweep_that_the_broker_took_counts(ringing):
    signals.after_task_publish.send(sender=tasks.work.name)
    assert not Beat.objects.exists()
    signals.after_task_publish.send(sender=tasks.sweep.name)
    (row,) = Beat.objects.all()
    assert row.holder == queue.holder()
    assert abs(row.clock_ahead) < 5


def test_it_keeps_the_moment_of_its_start(ringing):
    beat.rang()
    before = Beat.objects.get()
    beat.rang()
    after = Beat.objects.get()
    assert after.started_at == before.started_at
    assert after.seen_at >= before.seen_at


def test_elsewhere_nobody_writes_it_down():
    signals.after_task_publish.send(sender=tasks.sweep.name)
    assert not Beat.objects.exists()


def row(name, *, start, seen):
    now = timezone.now()
    ago = [now - timedelta(seconds=seconds) for seconds in (start, seen)]
    return Beat(holder=name, started_at=ago[0], seen_at=ago[1])


def test_two_at_once():
    both = [row("b", start=40, seen=1), row("a", start=500, seen=3)]
    assert beat.rivals(both) == both


def test_one_that_was_replaced_is_no_rival():
    assert beat.rivals([row("b", start=10, seen=1), row("a", start=500, seen=12)]) == []
    assert beat.rivals([row("b", start=0, seen=0), row("a", start=500, seen=1)]) == []
    assert beat.rivals([row("a", start=500, seen=1)]) == beat.rivals([]) == []
