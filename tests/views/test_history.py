"""History: filters in the address, and acting on all that they show."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.urls import reverse

from generations.models import Generation
from generations.models.generation import State
from tests.builders import make_generation, submit

pytestmark = [pytest.mark.django_db, pytest.mark.services]


@pytest.fixture
def client(alice, sign_in):
    return sign_in(alice)


def prompts(client, query=""):
    page = client.get(f"/generations/?{query}")
    assert page.status_code == 200
    return {card.prompt for card in page.context["rows"]}


@pytest.fixture
def jobs(alice, stocked):
    old = datetime(2026, 3, 5, 12, tzinfo=UTC)
    make_generation(alice, prompt="Old bridge", created_at=old, price=Decimal("0.01"))
    make_generation(alice, prompt="Failed tower", state=State.FAILED, price=Decimal("0.04"))
    make_generation(alice, prompt="Other model", model="hidream", model_name="HiDream")
    make_generation(alice, prompt="Dear one", price=Decimal("0.50"))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=bridge", {"Old bridge"}),
        ("q=old+BRIDGE", {"Old bridge"}),
        ("q=bridge+tower", set()),
        ("q=hidream", {"Other model"}),
        ("state=failed", {"Failed tower"}),
        ("model=hidream", {"Other model"}),
        ("until=2026-03-05", {"Old bridge"}),
        ("since=2026-03-05&until=2026-03-05", {"Old bridge"}),
        ("until=2026-03-04", set()),
        ("price=0.05", {"Dear one"}),
        ("state=failed&q=tower&price=0.04", {"Failed tower"}),
    ],
)
def test_each_filter_and_all_together(client, jobs, query, found):
    assert prompts(client, query) == found


@pytest.mark.parametrize(
    "query",
    [
        "state=nonsense",
        "since=yesterday",
        "until=2026-99-99",
        "price=-1",
        "price=NaN",
        "price=1e999",
        "person=1%20OR%201=1",
        "after=xxx",
        "after=99999999999999999999999-00000000000000000000000000000000",
        "q=%00",
        "since=0001-01-01",
    ],
)
def test_what_makes_no_sense_is_passed_over(client, jobs, query):
    assert client.get(f"/generations/?{query}").status_code == 200


def test_a_member_cannot_look_at_others(client, bob, jobs):
    make_generation(bob, prompt="Bobs own")
    for query in ("person=all", f"person={bob.pk}"):
        assert "Bobs own" not in prompts(client, query)


def test_an_admin_may_and_acts_on_nothing_there(ada, alice, bob, sign_in, jobs):
    make_generation(bob, prompt="Bobs own", state=State.FAILED)
    client = sign_in(ada)
    assert prompts(client, f"person={bob.pk}") == {"Bobs own"}
    assert len(prompts(client, "person=all")) == 5
    assert prompts(client) == set()
    page = client.get(f"/generations/?person={bob.pk}").content.decode()
    assert "/retry/" not in page
    client.post(f"{reverse('generation-bulk')}?person={bob.pk}", {"action": "retry"})
    assert not Generation.objects.filter(user=ada).exists()


def test_a_set_filter_can_be_taken_away(client, jobs):
    page = client.get("/generations/?model=hidream&q=other")
    (chip,) = page.context["chips"]
    assert chip["key"] == "Model"
    assert chip["url"] == "/generations/?q=other"


def test_all_that_waits_is_cancelled_together(stocked, client, alice, bob):
    mine = [submit(alice, "Harbour") for _ in range(3)]
    other, theirs = submit(alice, "Tower"), submit(bob, "Harbour")
    page = client.get("/generations/?q=harbour").content.decode()
    assert "Cancel 3 queued" in page
    client.post(f"{reverse('generation-bulk')}?q=harbour", {"action": "cancel"})
    states = dict(Generation.objects.values_list("pk", "state"))
    assert {states[one.pk] for one in mine} == {State.CANCELLED}
    assert {states[other.pk], states[theirs.pk]} == {State.QUEUED}


def test_all_that_failed_is_run_again_once_and_at_its_price(stocked, client, alice, run_jobs):
    for _ in range(3):
        submit(alice, "Tiles [[404]]")
    run_jobs()
    page = client.get("/generations/")
    assert "Retry 3 failed" in page.content.decode()
    assert "$0.03" in page.content.decode()
    for _ in range(2):
        client.post(reverse("generation-bulk"), {"action": "retry", "form_token": "once"})
    assert Generation.objects.filter(state=State.QUEUED).count() == 3


def test_the_budget_stops_what_is_run_again(stocked, client, alice, run_jobs):
    from generations.services import spend

    for _ in range(3):
        submit(alice, "Tiles [[404]]")
    run_jobs()
    spend.set_budget("everyone", Decimal("0.02"))
    page = client.post(
        reverse("generation-bulk"), {"action": "retry", "form_token": "t"}, follow=True
    )
    assert "2 jobs run again" in page.content.decode()
    assert "Over your budget" in page.content.decode()


@pytest.mark.parametrize("action", ["", "delete", "nonsense"])
def test_an_unknown_action_does_nothing(stocked, client, alice, action):
    generation = submit(alice)
    client.post(reverse("generation-bulk"), {"action": action})
    generation.refresh_from_db()
    assert generation.state == State.QUEUED
