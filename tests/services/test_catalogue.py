"""The catalogue: what is offered, and the last good copy."""

import httpx
import pytest
from django.core.management import CommandError, call_command

from generations.models import CatalogueFetch, StylePreset, VeniceModel
from generations.services import catalogue
from generations.venice.errors import VeniceError

pytestmark = [pytest.mark.services, pytest.mark.django_db]


def answering(settings, models, styles):
    def answer(request):
        return httpx.Response(200, json=styles if "styles" in request.url.path else models)

    settings.VENICE_TRANSPORT = lambda: httpx.MockTransport(answer)


def entry(pk, **spec):
    return {"id": pk, "type": "image", "model_spec": {"name": pk, **spec}}


def offered():
    return [model.id for model in catalogue.offered()]


def test_the_default_model_comes_first(stocked):
    assert offered()[0] == "z-image-turbo"
    assert StylePreset.objects.filter(is_offered=True).count() > 10


@pytest.mark.parametrize("shape", [lambda names: names, lambda names: {"data": names}])
def test_both_shapes_of_styles(db, settings, shape):
    answering(settings, {"data": [entry("a")]}, shape(["Anime", "Cinematic"]))
    catalogue.refresh()
    assert catalogue.offered_styles() == ["Anime", "Cinematic"]


def test_what_vanishes_is_kept_but_not_offered_and_may_return(db, settings):
    answering(settings, {"data": [entry("a"), entry("b")]}, ["Anime", "Origami"])
    catalogue.refresh()
    answering(settings, {"data": [entry("b")]}, ["Origami"])
    catalogue.refresh()
    assert (offered(), catalogue.offered_styles()) == (["b"], ["Origami"])
    assert VeniceModel.objects.filter(pk="a").exists()
    answering(settings, {"data": [entry("a"), entry("b")]}, ["Anime", "Origami"])
    catalogue.refresh()
    assert offered() == ["a", "b"]


def test_what_cannot_be_asked_for_is_not_offered(db, settings):
    answering(
        settings,
        {
            "data": [
                entry("good"),
                entry("gone", deprecation={"date": "2020-01-01T00:00:00Z"}),
                entry("later", deprecation={"date": "2099-01-01T00:00:00Z"}),
                entry("off", offline=True),
                entry("bria-bg-remover"),
                {"nonsense": True},
                "text",
            ]
        },
        [],
    )
    catalogue.refresh()
    assert offered() == ["good", "later"]


def test_venice_away_leaves_the_last_good_copy(stocked, settings):
    before = offered()

    def away(request):
        raise httpx.ConnectError("away", request=request)

    settings.VENICE_TRANSPORT = lambda: httpx.MockTransport(away)
    with pytest.raises(VeniceError):
        catalogue.refresh()
    assert offered() == before
    assert CatalogueFetch.objects.get().error


def test_a_fresh_copy_is_not_fetched_again(stocked):
    assert catalogue.refresh_if_due() is False


def test_a_copy_from_another_address_is_fetched_again(stocked, settings):
    settings.VENICE_BASE_URL = "http://elsewhere.test/api/v1"
    assert catalogue.refresh_if_due() is True


def test_the_command_says_what_it_found(stocked, capsys):
    call_command("catalogue")
    assert "models and" in capsys.readouterr().out


def test_the_command_fails_in_a_sentence(db, settings):
    settings.VENICE_TRANSPORT = lambda: httpx.MockTransport(lambda r: httpx.Response(500))
    with pytest.raises(CommandError, match="stays as it was"):
        call_command("catalogue")


def test_what_is_usual_is_learned_from_calls(stocked, alice, run_jobs):
    from tests.builders import submit

    for _ in range(5):
        submit(alice)
    run_jobs()
    catalogue.learn_durations()
    model = VeniceModel.objects.get(pk="z-image-turbo")
    assert 0 <= model.usual_low <= model.usual_high


# --- what is learned from refusals ------------------------------------------------------------


def test_a_refused_field_is_left_out_from_then_on(stocked, alice, run_jobs, sign_in):
    from tests.builders import submit

    generation = submit(alice, "Tiles [[400 steps]]", steps=4)
    run_jobs()
    generation.refresh_from_db()
    assert "leaves it out from now on" in generation.error_message
    model = VeniceModel.objects.get(pk="z-image-turbo")
    assert "steps" not in catalogue.rules_for(model).fields
    assert 'name="steps"' not in sign_in(alice).get("/").content.decode()
    assert "steps" in catalogue.rules_for(VeniceModel.objects.get(pk="hidream")).fields


def test_what_a_model_cannot_do_without_is_not_unlearned(stocked):
    for field in ("prompt", "width", "aspect_ratio", "variants", "", "no_such"):
        assert catalogue.learn_refusal("z-image-turbo", field) is False
    assert catalogue.learn_refusal("no-such-model", "steps") is False


def test_an_admins_word_holds(stocked):
    from generations.models import FieldRule

    FieldRule.objects.create(model_id="z-image-turbo", field="steps", is_taken=True)
    assert catalogue.learn_refusal("z-image-turbo", "steps") is False
    assert catalogue.refused_fields("z-image-turbo") == frozenset()


def test_new_constraints_are_learned_anew(stocked):
    catalogue.learn_refusal("z-image-turbo", "steps")
    catalogue.refresh()
    assert catalogue.refused_fields("z-image-turbo") == {"steps"}
    model = VeniceModel.objects.get(pk="z-image-turbo")
    model.spec["constraints"]["steps"] = {"default": 1, "max": 2}
    model.save()
    catalogue.refresh()
    assert catalogue.refused_fields("z-image-turbo") == frozenset()


def test_a_model_without_a_seed_is_sent_none(stocked, alice, run_jobs):
    from generations.models import Image
    from tests.builders import submit

    catalogue.learn_refusal("z-image-turbo", "seed")
    generation = submit(alice)
    run_jobs()
    generation.refresh_from_db()
    assert generation.state == "succeeded"
    assert generation.seed is None
    assert Image.objects.get().seed is None


def test_an_old_copy_says_how_old_it_is(stocked, alice, sign_in):
    from datetime import timedelta

    from django.utils import timezone

    client = sign_in(alice)
    assert "as of" not in client.get("/").content.decode()
    CatalogueFetch.objects.update(fetched_at=timezone.now() - timedelta(hours=5, minutes=1))
    assert "Models and prices as of 5 hours ago" in client.get("/").content.decode()
