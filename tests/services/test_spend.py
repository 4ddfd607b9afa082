"""Budgets: hard, exact, and counted from the jobs."""

import threading
from decimal import Decimal

import pytest
from django.db import connection

from generations.models import Generation
from generations.models.generation import State
from generations.services import generation as generations
from generations.services import spend
from generations.services import token as tokens
from generations.services.errors import Invalid, NotPossible, OverBudget
from tests.builders import MODEL, SMALL, make_generation, submit

pytestmark = [pytest.mark.services, pytest.mark.django_db]
CENT = Decimal("0.01")


def budget(amount, scope="everyone", user=None):
    spend.set_budget(scope, Decimal(amount), user=user)


def test_without_a_budget_there_is_no_limit(stocked, alice):
    submit(alice, variants=4)
    assert spend.standing(alice).limit is None


def test_a_job_over_the_budget_is_not_queued(stocked, alice):
    budget("0.03")
    submit(alice, variants=2)
    with pytest.raises(Invalid, match=r"Over your budget by \$0.01"):
        submit(alice, variants=2)
    assert Generation.objects.count() == 1
    assert spend.standing(alice).left == CENT
    submit(alice)
    assert spend.standing(alice).left == 0


def test_ones_own_budget_goes_before_everyones(stocked, alice, bob):
    budget("0.01")
    budget("1.00", "person", alice)
    submit(alice, variants=4)
    with pytest.raises(Invalid):
        submit(bob, variants=2)


def test_the_teams_budget_holds_for_all_together(stocked, alice, bob):
    budget("0.03", "team")
    budget("5.00")
    submit(alice, variants=2)
    assert spend.standing(bob).left == CENT
    with pytest.raises(Invalid, match="the team’s budget"):
        submit(bob, variants=2)


def test_what_was_refused_comes_back(stocked, alice, run_jobs):
    budget("0.01")
    submit(alice, "Tiles [[404]]")
    run_jobs()
    assert spend.standing(alice).left == CENT


def test_only_what_arrived_counts(stocked, alice, run_jobs):
    budget("0.04")
    generation = submit(alice, "Beads [[fewer]]", variants=4)
    assert spend.standing(alice).left == 0
    run_jobs()
    generation.refresh_from_db()
    assert spend.spent(alice) == generation.charged == stocked.invoice().usd


def test_a_lost_answer_counts_until_somebody_says(stocked, alice, ada, run_jobs):
    budget("0.01")
    generation = submit(alice, "Glass [[504]]")
    run_jobs()
    assert spend.standing(alice).left == 0
    generation.refresh_from_db()
    spend.resolve_unknown(generation, was_charged=False, by=ada)
    assert spend.standing(alice).left == CENT
    with pytest.raises(NotPossible):
        spend.resolve_unknown(generation, was_charged=True, by=ada)


def test_a_cancelled_job_gives_its_money_back(stocked, alice):
    budget("0.01")
    generation = submit(alice)
    generations.cancel(generation, by=alice)
    assert spend.standing(alice).left == CENT


def test_last_month_is_over(stocked, alice):
    from datetime import timedelta

    budget("0.01")
    generation = submit(alice)
    before = spend.month_start() - timedelta(seconds=1)
    Generation.objects.filter(pk=generation.pk).update(created_at=before)
    assert spend.standing(alice).left == CENT


def test_a_budget_of_nothing_stops_everything(stocked, alice):
    budget("0")
    with pytest.raises(Invalid):
        submit(alice)


@pytest.mark.parametrize("whose", ["everyone", "team", "token"])
def test_what_has_no_known_price_needs_a_budget_that_is_not_used_up(stocked, alice, whose):
    token, _ = tokens.create(alice, name="Script", scopes=["generate"], monthly_usd=CENT)
    if whose != "token":
        budget("0.01", whose)

    def ask(**more):
        parameters = {"prompt": "A stone bridge", **SMALL, **more}
        given = {"token": token if whose == "token" else None, "is_price_confirmed": True}
        return generations.submit(alice, model=MODEL, parameters=parameters, **given)

    assert ask(enhance_prompt=True)[0].price is None
    ask()
    with pytest.raises(OverBudget, match=r"budget( of this API token)?\. Nothing was sent"):
        ask(enhance_prompt=True)
    assert Generation.objects.count() == 2


def test_taking_a_budget_away(stocked, alice):
    budget("0")
    spend.set_budget("everyone", None)
    submit(alice)


def test_an_unknown_price_counts_when_it_is_known(db, alice):
    make_generation(alice, state=State.SUCCEEDED, price=None, charged=None)
    make_generation(alice, state=State.QUEUED, price=None)
    assert spend.spent(alice) == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("scope", ["everyone", "team"])
def test_of_parallel_submits_against_the_last_cents_one_wins(stocked, alice, bob, scope):
    budget("0.05", scope)
    people = [alice, alice if scope == "everyone" else bob] * 4
    outcomes, lock = [], threading.Lock()
    start = threading.Barrier(len(people))

    def post(person):
        start.wait()
        try:
            submit(person, variants=4)
            outcome = "queued"
        except Invalid:
            outcome = "over"
        finally:
            connection.close()
        with lock:
            outcomes.append(outcome)

    threads = [threading.Thread(target=post, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["over"] * 7 + ["queued"]
    assert Generation.objects.count() == 1


def test_the_button_says_what_is_left(stocked, alice, sign_in):
    budget("0.05")
    page = sign_in(alice).get("/").content.decode()
    assert "$0.05 left of $0.05 this month" in page


def test_over_the_budget_is_said_in_the_form(stocked, alice, sign_in):
    budget("0.01")
    response = sign_in(alice).post("/generations/", {"prompt": "x", "variants": "4"})
    assert response.status_code == 422
    assert "Over your budget by $0.03" in response.content.decode()
