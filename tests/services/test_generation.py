"""Submitting, taking back, asking again."""

import threading
from decimal import Decimal

import pytest
from django.db import connection

from generations.models import Generation, VeniceModel
from generations.models.generation import State
from generations.services import generation as generations
from generations.services import key as keys
from generations.services import mark, queue
from generations.services.errors import Invalid, NotPossible
from tests.builders import MODEL, SMALL, make_image, submit

pytestmark = [pytest.mark.services, pytest.mark.django_db]


def test_a_submit_is_priced_and_rings(stocked, alice, bells, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        generation = submit(alice, variants=2)
    assert (generation.state, generation.price) == (State.QUEUED, Decimal("0.02"))
    assert generation.key.is_team
    assert generation.seed != 0
    assert bells == [0.0]


def test_the_same_form_is_one_job(stocked, alice):
    first = submit(alice, form_token="one")
    assert submit(alice, "Another prompt", form_token="one") == first
    assert Generation.objects.count() == 1


def test_tokens_of_two_people_do_not_meet(stocked, alice, bob):
    assert submit(alice, form_token="one") != submit(bob, form_token="one")


@pytest.mark.django_db(transaction=True)
def test_twenty_parallel_posts_of_one_form_are_one_job(stocked, alice):
    found, lock = [], threading.Lock()

    def post():
        try:
            generation = submit(alice, form_token="double-click")
            with lock:
                found.append(generation.pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=post) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 20
    assert len(set(found)) == 1
    assert Generation.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": "   "}, "prompt"),
        ({"prompt": "x" * 7501}, "prompt"),
        ({"prompt": "nul\0byte"}, "prompt"),
        ({"negative_prompt": "nul\0byte"}, "negative_prompt"),
        ({"width": 1281}, "width"),
        ({"height": 1001}, "height"),
        ({"steps": 9}, "steps"),
        ({"steps": 0}, "steps"),
        ({"cfg_scale": 21}, "cfg_scale"),
        ({"variants": 17}, "variants"),
        ({"seed": 10**12}, "seed"),
        ({"format": "gif"}, "format"),
        ({"style_preset": "No Such Style"}, "style_preset"),
        ({"aspect_ratio": "16:9"}, "aspect_ratio"),
        ({"resolution": "4K"}, "resolution"),
        ({"inpaint": "x"}, "inpaint"),
    ],
)
def test_what_the_model_does_not_take_is_refused_by_name(stocked, alice, change, field):
    with pytest.raises(Invalid) as problem:
        generations.submit(alice, model=MODEL, parameters={"prompt": "A bridge", **SMALL, **change})
    assert set(problem.value.fields) == {field}
    assert not Generation.objects.exists()


@pytest.mark.parametrize("model", ["no-such-model", "Z-IMAGE-TURBO", ""])
def test_a_model_that_is_not_offered_is_refused(stocked, alice, model):
    with pytest.raises(Invalid) as problem:
        generations.submit(alice, model=model, parameters={"prompt": "A bridge"})
    assert "model" in problem.value.fields


def test_models_that_ended_are_offline_or_make_no_image_are_refused(stocked, alice):
    not_offered = VeniceModel.objects.filter(is_offered=False)
    assert not_offered.exists()
    for model in not_offered:
        with pytest.raises(Invalid):
            generations.submit(alice, model=model.id, parameters={"prompt": "A bridge"})


def test_an_unknown_price_needs_a_confirmation(stocked, alice):
    VeniceModel.objects.filter(pk=MODEL).update(
        spec={"name": "Priceless", "constraints": {"widthHeightDivisor": 8}}
    )
    with pytest.raises(Invalid) as problem:
        submit(alice)
    assert set(problem.value.fields) == {"confirm_price"}

    (generation,) = generations.submit(
        alice, model=MODEL, parameters={"prompt": "x", **SMALL}, is_price_confirmed=True
    )
    assert generation.price is None


def test_without_a_key_nothing_is_queued(db, standin, alice):
    from generations.services import catalogue

    catalogue.refresh()
    with pytest.raises(Invalid, match="Add a Venice key"):
        submit(alice)


def test_a_persons_own_key_pays_before_the_teams(stocked, alice, bob):
    own = keys.save(alice, "alices-own-key-0123456789")
    assert submit(alice).key == own
    assert submit(bob).key.is_team


def test_cancelling_a_queued_job_costs_nothing(stocked, alice, run_jobs):
    generation = submit(alice)
    assert generations.cancel(generation, by=alice) is True
    run_jobs()

    generation.refresh_from_db()
    assert (generation.state, generation.charged) == (State.CANCELLED, 0)
    assert stocked.calls() == []


def test_a_running_job_cannot_be_unsent_but_is_left_out(stocked, alice):
    generation = submit(alice)
    queue.claim()
    assert generations.cancel(generation, by=alice) is False

    generation.refresh_from_db()
    assert (generation.state, generation.is_hidden) == (State.CALLING, True)


def test_what_is_over_cannot_be_cancelled(stocked, alice, run_jobs):
    generation = submit(alice)
    run_jobs()
    with pytest.raises(NotPossible):
        generations.cancel(generation, by=alice)


def test_a_retry_is_the_same_request_as_a_new_job(stocked, alice, run_jobs):
    generation = submit(alice, "Glass [[once 504]]", seed=3, steps=4, variants=2)
    run_jobs()
    generation.refresh_from_db()

    again = generations.retry(generation, by=alice, form_token="again")
    assert generations.retry(generation, by=alice, form_token="again") == again
    run_jobs()

    again.refresh_from_db()
    assert (again.state, again.retry_of, again.seed) == (State.SUCCEEDED, generation, 3)
    assert again.parameters == generation.parameters
    assert len(stocked.calls("Glass")) == 2


def test_many_images_are_several_calls_with_consecutive_seeds(stocked, alice, bells, run_jobs):
    made = generations.submit(
        alice, model=MODEL, parameters={"prompt": "Ten", **SMALL, "variants": 10, "seed": 100}
    )
    assert [(one.variants, one.seed) for one in made] == [(4, 100), (4, 104), (2, 108)]
    assert sum(one.price for one in made) == Decimal("0.10")
    assert {one.lane for one in made} == {Generation.Lane.BACKGROUND}
    run_jobs()
    assert len(stocked.calls("Ten")) == 3
    from generations.models import Image

    seeds = Image.objects.values_list("seed", flat=True)
    assert sorted(seeds) == list(range(100, 110))


def test_a_set_of_calls_is_queued_whole_or_not_at_all(stocked, alice):
    from generations.services import spend

    spend.set_budget("everyone", Decimal("0.05"))
    with pytest.raises(Invalid):
        submit(alice, variants=6)
    assert not Generation.objects.exists()


def test_the_same_form_of_many_images_is_one_set(stocked, alice):
    def post():
        parameters = {"prompt": "x", **SMALL, "variants": 12}
        return generations.submit(alice, model=MODEL, parameters=parameters, form_token="t")

    assert post() == post()
    assert Generation.objects.count() == 3


def test_the_same_again_of_what_was_made_private_is_private(alice, stocked):
    made = submit(alice)
    Generation.objects.update(state=Generation.State.SUCCEEDED)
    made.refresh_from_db()
    image = make_image(alice, generation=made)
    assert generations.retry(made, by=alice, form_token=None).visibility == "team"
    mark.show_to(alice, images=[image], visibility="private")
    assert generations.retry(made, by=alice, form_token=None).visibility == "private"
