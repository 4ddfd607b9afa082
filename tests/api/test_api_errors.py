"""What programs are told when it does not work: status, type, code, param, and not to retry."""

import json
from decimal import Decimal

import pytest

from generations.models import Account, Budget, Generation, Image, VeniceKey
from tests.api.conftest import SMALL

pytestmark = pytest.mark.django_db
PATH = "/v1/images/generations"


def told(response) -> tuple:
    error = json.loads(response.content)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    return response.status_code, error["type"], error["code"]


# --- bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b" ",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"\xff\xfe",
        b'{"prompt": "\xc3"}',
        b'{"prompt": "\\ud800"}',
        b'{"prompt": NaN}',
        b'{"seed": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"prompt": ' + b"[" * 50 + b"]" * 50 + b"}",
    ],
    ids=lambda body: body[:12].decode("latin-1"),
)
def test_what_is_no_json_is_said_so(alices, body):
    assert told(alices.send(PATH, body)) == (400, "invalid_request_error", "invalid_json")


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "multipart/form-data; boundary=x", "application/json; charset=utf-16", "x"],
)
def test_only_json_is_taken(alices, kind):
    response = alices.send(PATH, b"{}", Content_Type=kind)
    assert told(response) == (415, "invalid_request_error", "unsupported_media_type")


def test_json_with_its_charset_is_json(alices):
    kind = "application/json; charset=UTF-8"
    assert alices.send(PATH, {"prompt": "x"}, Content_Type=kind).status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", 5),
        ("prompt", None),
        ("prompt", ""),
        ("prompt", "  "),
        ("prompt", "a\x00b"),
        ("prompt", "x" * 100_000),
        ("model", 5),
        ("model", ""),
        ("model", "a\x00b"),
        ("quality", "<script>"),
        ("style", "loud"),
        ("background", "red"),
        ("moderation", "none"),
        ("output_format", "gif"),
        ("output_compression", 101),
        ("output_compression", -1),
        ("response_format", "file"),
        ("user", "x" * 256),
        ("user", "a\x00b"),
        ("stream", True),
        ("seed", 10**12),
        ("seed", "7"),
        ("steps", 1000),
        ("cfg_scale", 100),
        ("cfg_scale", "5"),
        ("style_preset", "No such style"),
        ("aspect_ratio", "7:3"),
        ("width", 65),
        ("visibility", "everybody"),
        ("confirm_price", "yes"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_wrong_value_names_its_field(alices, field, value):
    response = alices.send(PATH, {**SMALL, "prompt": "x", field: value})
    status, kind, _ = told(response)
    assert (status, kind) == (400, "invalid_request_error")
    assert json.loads(response.content)["error"]["param"] == field
    assert response["x-should-retry"] == "false"
    assert not Generation.objects.exists()


def test_what_is_missing_and_what_is_unknown_have_codes(alices):
    assert told(alices.send(PATH, {}))[2] == "missing_required_parameter"
    response = alices.send(PATH, {"prompt": "x", "no_such": 1})
    assert told(response)[2] == "unknown_parameter"


def test_venices_address_speaks_venices_words(alices):
    response = alices.send("/api" + PATH, {"prompt": "x", "n": 99})
    body = json.loads(response.content)
    assert response.status_code == 400
    assert isinstance(body["error"], str)
    assert body["details"]["n"]["_errors"]


def test_the_wrong_method_is_told_the_right_one(alices):
    response = alices.get(PATH)
    assert told(response)[0] == 405
    assert response["Allow"] == "POST"


# --- what Venice says ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("marker", "status", "kind", "code"),
    [
        ("400 steps", 400, "invalid_request_error", "refused"),
        ("401", 403, "permission_error", "bad_key"),
        ("402", 402, "insufficient_quota", "no_credit"),
        ("404", 404, "invalid_request_error", "model_not_found"),
        ("410", 404, "invalid_request_error", "model_gone"),
        ("422", 422, "invalid_request_error", "content_policy_violation"),
        ("504", 502, "server_error", "outcome_unknown"),
        ("cut-after", 502, "server_error", "outcome_unknown"),
        ("truncated", 502, "server_error", "bad_response"),
        ("violation", 400, "invalid_request_error", "content_policy_violation"),
        ("violation-empty", 400, "invalid_request_error", "content_policy_violation"),
        ("adult", 400, "invalid_request_error", "content_policy_violation"),
        ("blurred", 400, "invalid_request_error", "content_policy_violation"),
        ("minor", 400, "invalid_request_error", "content_policy_violation"),
    ],
)
def test_what_venice_refuses_has_its_kind(alices, marker, status, kind, code):
    response = alices.generate(f"[[{marker}]]")
    assert told(response) == (status, kind, code)
    assert response["x-should-retry"] == "false"
    assert response["X-Generation-Id"] == str(Generation.objects.get().pk)


def test_a_refused_field_is_named(alices):
    error = alices.generate("[[400 steps]]", steps=4).json()["error"]
    assert error["param"] == "steps"


@pytest.mark.parametrize("marker", ["429", "overloaded", "503"])
def test_what_passes_says_when_to_come_again(alices, marker, monkeypatch):
    response = alices.send(PATH, {**SMALL, "prompt": f"[[{marker}]]"})
    Generation.objects.update(tries=2)
    from generations.services import queue

    monkeypatch.setattr(queue, "MOST_TRIES", 1)
    response = alices.finished(response)
    assert response.status_code in (429, 503)
    assert int(response["Retry-After"]) > 0
    assert response["x-should-retry"] == "false"


def test_of_some_that_are_held_the_rest_comes_with_a_note(alices):
    first = alices.send(PATH, {**SMALL, "prompt": "x", "n": 2, "response_format": "url"})
    alices._run_jobs()
    held = Image.objects.order_by("number").first()
    Image.objects.filter(pk=held.pk).update(state="held")
    response = first.finish(True)
    body = json.loads(response.content)
    assert response.status_code == 200
    assert len(body["data"]) == 1
    assert str(held.pk) not in response.content.decode()
    assert [(one["code"], one["count"]) for one in body["omitted"]] == [
        ("content_policy_violation", 1)
    ]
    assert response["X-Images-Omitted"] == "1"


def test_a_part_that_failed_does_not_take_the_rest_along(alices):
    response = alices.send(PATH, {**SMALL, "prompt": "x", "n": 8, "response_format": "url"})
    alices._run_jobs()
    lost = Generation.objects.order_by("seed").last()
    lost.images.all().delete()
    Generation.objects.filter(pk=lost.pk).update(
        state="unknown", error_code="outcome_unknown", error_message="Lost."
    )
    body = json.loads(response.finish(True).content)
    assert len(body["data"]) == 4
    assert body["omitted"] == [
        {"generation": str(lost.pk), "code": "outcome_unknown", "message": "Lost.", "count": 4}
    ]


# --- our own limits -----------------------------------------------------------------------------


def over_budget(response) -> None:
    assert told(response) == (429, "insufficient_quota", "insufficient_quota")
    assert 0 < int(response["Retry-After"]) <= 31 * 86400 + 1
    assert response["x-should-retry"] == "false"
    assert not Generation.objects.exists()


def test_a_persons_budget_holds(alices, alice):
    Budget.objects.create(scope="person", user=alice, monthly_usd="0.00")
    over_budget(alices.generate())


def test_a_tokens_own_budget_holds(program, alice, stocked):
    one, other = program(alice, monthly_usd=Decimal("0.03")), program(alice)
    over_budget(one.generate(n=4))
    response = one.generate("One", n=2)
    assert (response.status_code, response["X-Budget-Left-USD"]) == (200, "0.01")
    assert told(one.generate("Two", n=2))[0] == 429
    assert other.generate("Three", n=2).status_code == 200
    assert one.generate("Four")["X-Budget-Left-USD"] == "0"


def test_without_a_key_nothing_is_sent(alices):
    VeniceKey.objects.all().delete()
    assert told(alices.generate()) == (403, "permission_error", "no_key")


@pytest.mark.parametrize(
    ("problem", "status", "code"), [("bad_key", 403, "bad_key"), ("no_credit", 402, "no_credit")]
)
def test_a_stopped_key_says_why(alices, problem, status, code):
    Account.objects.update(problem=problem)
    response = alices.generate()
    assert (told(response)[0], told(response)[2]) == (status, code)
    assert not Generation.objects.exists()


# --- waiting ------------------------------------------------------------------------------------


def test_what_takes_too_long_says_where_to_look(alices):
    alices.is_patient = False
    response = alices.generate()
    assert told(response) == (504, "server_error", "still_running")
    assert response["x-should-retry"] == "false"
    job = alices.get(response["Location"]).json()
    assert (job["state"], job["object"]) == ("queued", "generation")
    assert job["id"] == response["X-Generation-Id"]


def test_asked_for_later_it_is_taken_at_once(alices, client):
    wish = {"Prefer": "respond-async"}
    response = alices.send(PATH, {**SMALL, "prompt": "x"}, **wish)
    assert response.status_code == 202
    before = json.loads(response.content)
    assert (before["state"], before["images"], before["error"]) == ("queued", [], None)
    alices._run_jobs()
    job = alices.get(response["Location"]).json()
    assert set(job) == {
        *("id", "object", "state", "created_at", "started_at", "finished_at", "model", "prompt"),
        *("parameters", "seed", "price", "charged", "images", "error"),
    }
    assert (job["state"], job["price"], job["charged"]) == ("succeeded", "0.01", "0.01")
    (image,) = job["images"]
    assert (image["state"], image["width"], image["format"]) == ("shown", 64, "png")
    assert client.get(image["url"].partition("//testserver")[2]).status_code == 200


def test_a_held_image_has_no_address(alices):
    response = alices.send(PATH, {**SMALL, "prompt": "[[adult]]"}, Prefer="respond-async")
    alices._run_jobs()
    (image,) = alices.get(response["Location"]).json()["images"]
    assert (image["state"], "url" in image) == ("held", False)


def test_a_wait_may_be_named(alices):
    waits = {"": 300, "wait=7": 7, "respond-async, wait=5": 5, "wait=99999": 300, "wait=x": 300}
    found = {}
    for number, wish in enumerate(waits):
        response = alices.send(PATH, {**SMALL, "prompt": f"{number}"}, Prefer=wish)
        found[wish] = response.timeout
    assert found == waits


def test_what_breaks_here_is_said_in_json_and_may_be_tried_again(alices, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("no such thing")

    monkeypatch.setattr("generations.api.images.generations.submit", broken)
    response = alices.generate()
    assert told(response) == (500, "server_error", "server_error")
    assert "x-should-retry" not in response
    assert "no such thing" not in response.content.decode()
