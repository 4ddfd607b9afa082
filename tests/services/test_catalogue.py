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
