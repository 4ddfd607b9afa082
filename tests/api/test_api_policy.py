"""The team's policy at the door for programs, and what is held behind it."""

import pytest

from generations.models import Case, Generation, Image, Policy, VeniceModel
from generations.models.token import Scope
from generations.services import policy, review
from tests.builders import make_generation, make_image

pytestmark = pytest.mark.django_db
PATHS = ("/v1/images/generations", "/api/v1/images/generations", "/api/v1/image/generate")
ALL_SCOPES = Scope.values


def change(ada, **values):
    seen = Policy.objects.values_list("changed_at", flat=True).first()
    policy.change(values, by=ada, seen=seen)


@pytest.fixture
def alices(program, alice, stocked):
    return program(alice)


@pytest.mark.parametrize("path", PATHS)
def test_a_blocked_term_is_refused_before_anything_is_spent(alices, ada, path):
    change(ada, blocked_terms="stone bridge")
    answer = alices.send(path, {"model": "z-image-turbo", "prompt": "A stone-bridge"})
    assert answer.status_code == 400
    assert b"has blocked" in answer.content
    assert not Generation.objects.exists()


def test_it_is_told_as_a_matter_of_content(alices, ada):
    change(ada, blocked_terms="bridge")
    error = alices.generate().json()["error"]
    assert (error["code"], error["param"]) == ("content_policy_violation", "prompt")


def test_a_model_that_the_team_does_not_use_is_not_there(alices, ada):
    other = VeniceModel.objects.filter(is_offered=True).exclude(pk="z-image-turbo").first()
    change(ada, allowed_models=[other.pk])
    answer = alices.generate()
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
    for path in ("/v1/models", "/api/v1/models?type=image"):
        assert [model["id"] for model in alices.get(path).json()["data"]] == [other.pk]
    assert alices.get("/v1/models/z-image-turbo").status_code == 404


@pytest.mark.parametrize("asked", [{}, {"model": None}, {"model": "default"}])
def test_where_the_default_model_is_not_for_you_another_is_not_taken(alices, ada, asked):
    """It has another price: whoever names none is told which there are."""
    change(ada, allowed_models=["hidream"])
    answer = alices.post(PATHS[0], {"prompt": "A stone bridge", **asked})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (404, "model_not_found", "model")
    assert "no default model" in error["message"]
    assert "hidream" in error["message"]
    assert not Generation.objects.exists()
    assert "default" not in alices.get("/api/v1/models/traits").json()["data"]


def test_safe_mode_stays_on_where_it_must(alices, ada):
    change(ada, safe_mode_member="forced")
    for off in ({"moderation": "low"}, {"safe_mode": False}):
        answer = alices.generate(**off)
        assert answer.status_code == 400, off
        assert b"keeps safe mode on" in answer.content
    assert alices.generate().status_code == 200
    assert Generation.objects.get().parameters["safe_mode"] is True


def test_the_team_key_is_not_for_everybody(alices, ada):
    change(ada, team_key_for="admins")
    answer = alices.generate()
    assert answer.status_code in (402, 403, 422)
    assert "not for you" in answer.content.decode()
    assert not Generation.objects.exists()


def test_whoever_owes_a_second_factor_has_no_program(alices, ada):
    change(ada, second_factor_for="everyone")
    assert alices.generate().status_code == 401


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"blocked_terms": "bridge"}, (400, "content_policy_violation", "prompt")),
        ({"allowed_models": ["qwen-image"]}, (400, "invalid_value", "model")),
        ({"watermark": "never"}, (400, "invalid_value", "hide_watermark")),
        ({"team_key_for": "admins"}, (403, "no_key", None)),
    ],
    ids=lambda rule: next(iter(rule)) if isinstance(rule, dict) else "",
)
def test_a_rule_that_comes_while_it_waits_is_told_as_what_it_is(alices, ada, rule, told):
    waiting = alices.send(PATHS[0], {"model": "z-image-turbo", "prompt": "A stone bridge"})
    change(ada, **rule)
    answer = alices.finished(waiting)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == told
    assert "Nothing was charged" in error["message"]


def test_what_is_held_has_no_address_from_the_next_request_on(alices, alice, rosa, client):
    generation = make_generation(alice)
    image = make_image(alice, generation=generation)
    path = f"/v1/generations/{generation.pk}"
    address = alices.get(path).json()["images"][0]["url"]
    assert client.get(address).status_code == 200
    review.report(rosa, image=image, reason="rights")
    assert client.get(address).status_code == 404
    held = alices.get(path).json()["images"][0]
    assert (held["state"], "url" in held) == ("held", False)
    case = Case.objects.get(image=image)
    review.decide(rosa, case=case, verdict=review.verdict("reject", code="rights"))
    assert client.get(address).status_code == 404
    rejected = alices.get(path).json()["images"][0]
    assert (rejected["state"], "url" in rejected) == ("held", False)
    assert Image.objects.get().state == Image.State.REJECTED


def test_no_address_for_programs_shows_what_is_held(program, alice, rosa):
    """Every address that reads, with every scope: its maker's, and a reviewer's."""
    prompt = "A zebrafinch on a branch"
    image = make_image(alice, generation=make_generation(alice, prompt=prompt))
    pk = str(image.pk)
    review.report(rosa, image=image, reason="rights")
    readers = (program(alice, scopes=["read", "share"]), program(rosa, scopes=list(ALL_SCOPES)))
    for one in readers:
        for path in ("/v1/generations", f"/v1/generations/{image.generation_id}", "/v1/shares"):
            text = one.get(path).content.decode()
            assert f"/v1/images/{pk}" not in text
        assert one.get(f"/v1/images/{pk}").status_code == 404
        assert one.post("/v1/shares", {"images": [pk]}).status_code in (403, 404)
    listed = readers[1].get("/v1/reviews").content.decode()
    # Which one it is, and what was asked for; of its files nothing.
    assert (pk in listed, prompt in listed, f"images/{pk}" in listed) == (True, True, False)
