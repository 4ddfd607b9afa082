"""Team, Server: what doctor finds and who works, for admins."""

import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from generations.models import Account, Worker
from generations.services import beat, limiter, queue
from tests.builders import make_image, make_key, submit
from tests.conftest import TEAM_KEY

pytestmark = [pytest.mark.django_db, pytest.mark.services]
URL = "/team/server/"


def page(client):
    answer = client.get(URL)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_it_is_for_admins_alone(db, alice, rosa, sign_in):
    for person in (alice, rosa):
        assert sign_in(person).get(URL).status_code == 404
        assert reverse("team-server") not in sign_in(person).get("/").content.decode()


def test_a_studio_where_nothing_runs_yet(db, ada, sign_in):
    text = page(sign_in(ada))
    for said in (
        "It never rang here.",
        "None has reported within 30 seconds",
        "There is no key yet.",
        "None has ever reported here",
        "bad and",
    ):
        assert said in text


def test_a_studio_at_work(stocked, alice, ada, sign_in, run_jobs):
    submit(alice)
    run_jobs()
    submit(alice)
    own = make_key(alice)
    limiter.close(own.account, timedelta(seconds=90), Account.Closed.LOCKED_OUT)
    queue.report(places=16)
    Worker.objects.create(holder="gone:7:x", places=4, seen_at=Now() - timedelta(minutes=9))
    Worker.objects.filter(holder="gone:7:x").update(stuck=2)
    beat.rang()
    cache.clear()
    text = page(sign_in(ada))
    for said in (
        "16 places",
        "0 of 16",
        "The team’s, …6789",
        "1 of ",
        "A member’s own key",
        "Venice has locked it out: ",
        "gone:7",
        "9 min ago",
        "2 stuck",
        "1 worker with 16 places",
    ):
        assert said in text
    # Of the team's key alone, and that twice.
    assert text.count(f"…{own.last_four}") == 2
    assert TEAM_KEY[:-4] not in text


def test_a_stopped_account_stands_on_it(stocked, ada, sign_in):
    Account.objects.update(problem="no_credit")
    assert "Stopped: No credit left" in page(sign_in(ada))


def test_what_is_worst_comes_first(stocked, ada, sign_in):
    text = page(sign_in(ada))
    tones = re.findall('class="notice (is-error|is-warning)"', text)
    assert set(tones) == {"is-error", "is-warning"}
    assert tones == sorted(tones)
    assert text.rindex('class="notice is-') < text.index("What is well")


def test_as_many_queries_for_many_and_few_soon_after(stocked, alice, ada, sign_in):
    client = sign_in(ada)
    queue.report(places=16)
    beat.rang()
    _queries(client)
    cache.delete_many(["doctor", "watching:standing", "watching:hour"])
    one = _queries(client)
    assert _queries(client) <= 8
    for number in range(30):
        submit(alice)
        make_image(alice)
        Worker.objects.create(holder=f"h{number}:1:x", places=2, seen_at=Now())
    Worker.objects.update(clock=F("seen_at"))
    cache.delete_many(["doctor", "watching:standing", "watching:hour"])
    assert _queries(client) == one <= 50


def _queries(client):
    with CaptureQueriesContext(connection) as found:
        page(client)
    return len(found)
