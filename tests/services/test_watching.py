"""The figures that all processes share: right, bounded, and kept for some seconds."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from generations.models import Account, Beat, Call, Generation, WebhookDelivery, Worker
from generations.models.generation import State
from generations.services import limiter, queue, watching
from generations.services import webhook as webhooks
from tests.builders import hold, make_generation, make_image, make_key, submit

pytestmark = [pytest.mark.django_db, pytest.mark.services]


@pytest.fixture
def busy(stocked, alice, ada, run_jobs):
    """A studio with a bit of everything, and what runs and waits in it."""
    submit(alice)
    submit(alice, model="flux-2-pro")
    run_jobs()
    for _ in range(3):
        submit(alice)
    lost = make_generation(alice, state=State.UNKNOWN, price=Decimal("0.02"))
    running = make_generation(alice, state=State.CALLING, lane=1)
    Generation.objects.filter(pk=running.pk).update(lease_until=timezone.now())
    hold(make_image(alice, generation=lost))
    hook = webhooks.create(alice, url="https://hooks.example/x", events=["generation.failed"])[0]
    late = timezone.now() - timedelta(minutes=5)
    WebhookDelivery.objects.create(webhook=hook, event="webhook.test", due_at=late)
    queue.report(places=16)
    Beat.objects.create(holder="here:1:x", seen_at=Now(), started_at=Now())
    cache.clear()


def test_they_are_what_the_rows_say(busy):
    found = watching.figures()
    now = found.standing
    assert now.jobs == {("queued", "interactive"): 3, ("calling", "background"): 1}
    assert 0 <= now.oldest["interactive"] < 60
    assert (now.maybe_charged, now.held) == (1, 1)
    assert (now.webhooks_waiting, now.webhooks_overdue) == (1, 1)
    assert (now.workers, now.places, now.beats) == (1, 16, 1)
    assert found.hour.calls == {
        (model, "interactive", "arrived"): 1 for model in ("z-image-turbo", "flux-2-pro")
    }
    assert set(found.hour.took) == {"z-image-turbo", "flux-2-pro"}
    assert found.hour.waited["z-image-turbo", "interactive"].count == 1
    assert found.spent >= Decimal("0.02")
    assert found.images == 3
    assert found.image_bytes > 0


def test_the_line_of_an_account_leads_to_no_key(stocked, alice, run_jobs):
    submit(alice)
    run_jobs()
    own = make_key(alice)
    limiter.close(own.account, timedelta(seconds=30), Account.Closed.FAILING)
    Account.objects.filter(pk=own.account_id).update(problem="no_credit")
    lines = {line.key: line for line in watching.figures().standing.accounts}
    assert set(lines) == {"6789", "own"}
    assert (lines["6789"].used, lines["6789"].busy, lines["6789"].closed_for) == (1, 0, "")
    assert 0 < lines["own"].closed_seconds <= 30
    assert (lines["own"].closed_for, lines["own"].problem) == ("failing", "no_credit")


def test_an_empty_studio_has_figures_too(db):
    found = watching.figures()
    assert found.standing.jobs == {}
    assert found.hour == watching.Hour({}, {}, {})
    assert (found.spent, found.images, found.image_bytes) == (0, 0, 0)


def test_as_many_queries_for_many_jobs_and_none_soon_after(busy, alice):
    one = _queries()
    assert _queries() == 0
    calls = []
    for _ in range(60):
        made = make_generation(alice)
        calls.append(Call(generation=made, number=1, outcome="arrived", started_at=Now()))
    Call.objects.bulk_create(calls)
    for number in range(20):
        Worker.objects.create(holder=f"h{number}:1:x", seen_at=Now(), places=2)
    cache.clear()
    assert _queries() == one <= 13


def _queries():
    with CaptureQueriesContext(connection) as found:
        watching.figures()
    return len(found)


def test_few_models_have_names_of_their_own(stocked, alice, monkeypatch):
    monkeypatch.setattr(watching, "MOST_MODELS", 2)
    for model, number in (("a", 3), ("b", 2), ("c", 1), ("d", 1)):
        for _ in range(number):
            made = make_generation(alice, model=model)
            Call.objects.create(generation=made, number=1, outcome="arrived", started_at=Now())
    models = {model for model, _, _ in watching.figures().hour.calls}
    assert models == {"a", "b", "other"}


def test_quantiles():
    spread = watching.Spread.of([float(n) for n in range(100, 0, -1)])
    assert (spread.count, spread.total) == (100, 5050)
    assert spread.quantiles == {0.5: 51, 0.95: 95, 0.99: 99}
    assert watching.Spread.of([2.0]).quantiles == {0.5: 2, 0.95: 2, 0.99: 2}
