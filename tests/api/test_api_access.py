"""Who may: every address of the API, without a token, with a bad one, with the wrong one."""

import json
import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone

from generations.models import ApiToken, Event
from generations.services import token as tokens
from tests.api.conftest import SMALL, Program, make_token
from tests.builders import make_generation, make_image

pytestmark = pytest.mark.django_db

# What needs no token: a signed address, and what is not there.
OPEN = {"api-image", "api-nothing", "api-openapi", "api-docs"}
BODY = {**SMALL, "prompt": "A stone bridge"}
PATH = "/v1/images/generations"


def closed_patterns():
    found = get_resolver("generations.api.urls").url_patterns
    return [(p.name, list(p.pattern.converters)) for p in found if p.name not in OPEN]


def address(name, parts) -> str:
    values = {"pk": uuid.uuid4(), "name": "z-image-turbo"}
    return reverse(name, kwargs={part: values[part] for part in parts})


def methods_of(path: str) -> list[str]:
    answer = Client().generic("PROPFIND", path)
    assert answer.status_code == 405
    return answer["Allow"].split(", ")


@pytest.mark.parametrize(("name", "parts"), closed_patterns(), ids=lambda v: v if v else "")
@pytest.mark.parametrize(
    "header",
    [None, "Bearer", "Bearer vw_nothing", "Basic dnc6dnc=", "vw_nothing", "Bearer \u00ff"],
)
def test_nobody_gets_in_without_a_token_that_works(name, parts, header):
    path = address(name, parts)
    headers = {"Authorization": header} if header else {}
    for method in methods_of(path):
        answer = Client().generic(method, path, b"{}", "application/json", headers=headers)
        assert answer.status_code == 401, method
        assert "Bearer" in answer["WWW-Authenticate"]
        assert not answer.cookies


@pytest.mark.parametrize(("name", "parts"), closed_patterns(), ids=lambda v: v if v else "")
def test_a_session_is_no_token(name, parts, ada, sign_in):
    path = address(name, parts)
    for method in methods_of(path):
        answer = sign_in(ada).generic(method, path, b"{}", "application/json")
        assert answer.status_code == 401, method


@pytest.mark.parametrize(("name", "parts"), closed_patterns(), ids=lambda v: v if v else "")
def test_a_token_with_another_scope_is_told_so(name, parts, alice, db):
    other = "read" if name.startswith(("api-share", "api-review")) else "share"
    text = make_token(alice, scopes=[other])[1]
    path = address(name, parts)
    for method in methods_of(path):
        headers = {"Authorization": f"Bearer {text}"}
        answer = Client().generic(method, path, b"{}", "application/json", headers=headers)
        assert answer.status_code == 403, method
        if method != "HEAD":
            assert "scope" in answer.content.decode()


def test_to_make_images_needs_its_own_scope(program, alice, stocked):
    assert program(alice, scopes=["read"]).send(PATH, BODY).status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        {"revoked_at": timezone.now()},
        {"expires_at": timezone.now() - timedelta(seconds=1)},
    ],
    ids=["revoked", "expired"],
)
def test_a_token_that_works_no_more_is_like_none(alices, change):
    assert alices.get("/v1/models").status_code == 200
    ApiToken.objects.update(**change)
    answer, unknown = alices.get("/v1/models"), Program("vw_x", lambda: 0).get("/v1/models")
    assert (answer.status_code, answer.content) == (401, unknown.content)


@pytest.mark.parametrize("change", [{"is_active": False}, {"needs_second_factor": True}])
def test_a_person_who_may_not_enter_has_no_token(alices, alice, change):
    for name, value in change.items():
        setattr(alice, name, value)
    alice.save()
    assert alices.get("/v1/models").status_code == 401


def test_revoked_is_revoked_on_the_next_request(alices, alice):
    assert alices.get("/v1/models").status_code == 200
    tokens.revoke(ApiToken.objects.get(), by=alice)
    assert alices.get("/v1/models").status_code == 401
    assert Event.objects.filter(action="token.revoked").count() == 1


@pytest.mark.parametrize("name", ["token", "api_key", "access_token", "anything"])
def test_a_token_in_the_address_is_refused_even_beside_a_good_one(alices, name):
    answer = alices.get(f"/v1/models?{name}={alices.text}")
    assert answer.status_code == 401
    assert json.loads(answer.content)["error"]["code"] == "key_in_query"


def test_nothing_keeps_the_text_of_a_token(alices, alice, caplog):
    row = ApiToken.objects.get()
    assert alices.text not in str(row.__dict__)
    assert (row.last_four, len(alices.text) > 43) == (alices.text[-4:], True)
    alices.get(f"/v1/nothing/{alices.text}")
    from veniceweb.log import TextFormatter

    lines = [TextFormatter("{message}", style="{").format(record) for record in caplog.records]
    assert not [line for line in lines if alices.text in line]


def test_use_is_noted_once_a_minute(alices, django_assert_num_queries):
    alices.get("/v1/models")
    noted = ApiToken.objects.get().last_used_at
    assert noted is not None
    alices.get("/v1/models")
    assert ApiToken.objects.get().last_used_at == noted
    ApiToken.objects.update(last_used_at=noted - timedelta(seconds=61))
    alices.get("/v1/models")
    assert ApiToken.objects.get().last_used_at > noted


def test_anothers_job_is_like_none(alices, bob, ada, program):
    job = make_generation(bob)
    none = alices.get(f"/v1/generations/{uuid.uuid4()}")
    for one in (alices, program(ada)):
        answer = one.get(f"/v1/generations/{job.pk}")
        assert (answer.status_code, answer.content) == (404, none.content)


ODD = (
    "/v1/x%0d%0a",
    "/v1/images/%0a",
    "/v1/%00",
    "/v1//models",
    "/api/v1/x%0a",
    "/api",
    "/api/v2/x",
)


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/chat/completions", "/api/v1/nothing/x", *ODD])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PROPFIND"])
def test_what_is_not_there_is_said_in_json(client, path, method):
    answer = client.generic(method, path, b"{}", "application/json")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/json"
    error = json.loads(answer.content)["error"]
    assert isinstance(error, dict if path.startswith("/v1") else str)


@pytest.mark.parametrize(("path", "kind"), [("/v1/models", dict), ("/api/v1/models", str)])
def test_a_host_that_is_not_ours_is_refused_in_json(client, path, kind):
    answer = client.get(path, headers={"Host": "evil.example"})
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/json")
    assert isinstance(json.loads(answer.content)["error"], kind)
    assert "html" in client.get("/", headers={"Host": "evil.example"})["Content-Type"]


def test_what_breaks_around_the_views_is_said_in_json(client, monkeypatch):
    def broken(*args):
        raise RuntimeError("away")

    monkeypatch.setattr("generations.views.origin.address_of", broken)
    client.raise_request_exception = False
    answer = client.get("/v1/models")
    assert (answer.status_code, json.loads(answer.content)["error"]["code"]) == (
        500,
        "server_error",
    )


def test_an_address_with_too_many_fields_is_refused_calmly(alices, caplog):
    query = "&".join(["a"] * 10_200)
    for one in (alices, Program(None, lambda: 0)):
        assert one.get(f"/v1/generations?{query}").status_code == 400
    assert "broke" not in caplog.text


def test_the_signed_address_needs_its_signature(alice, client):
    image = make_image(alice)
    for query in ("", "?expires=9999999999", "?expires=x&signature=y", "?signature=é"):
        assert client.get(f"/v1/images/{image.pk}{query}").status_code == 404


def test_what_a_program_does_is_noted_as_its(alices, settings):
    """The audit log says through which door."""
    from django.test import RequestFactory

    from generations.services import audit
    from generations.views.origin import OriginMiddleware

    seen = []
    door = OriginMiddleware(lambda request: seen.append(audit._origin.get().via))
    for path in ("/v1/models", "/api/v1/models", "/gallery/"):
        door(RequestFactory().get(path))
    assert seen == ["api", "api", "web"]
