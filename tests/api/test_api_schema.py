"""The description of the API: it says what is so, for programs and for people."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import jsonschema_rs
import pytest
from pydantic import TypeAdapter

from generations.api import answers
from generations.models import Image, ModelAlias, Policy, VeniceModel
from tests.api.conftest import token_of
from tests.api.test_api_native import TINY
from tests.api.test_api_native import URL as NATIVE
from tests.builders import make_generation, make_image

CONFIG = Path(__file__).with_name("schemathesis.toml")


@pytest.mark.processes
def test_schemathesis_finds_nothing(own_studio, tmp_path):
    """All phases, bounded; it reports each answer that the description does not allow."""
    studio, token = own_studio, token_of(own_studio)
    command = [
        *(str(Path(sys.executable).with_name("st")), "--no-color", "--config-file", str(CONFIG)),
        *("run", f"{studio.address}/v1/openapi.json", "-H", f"Authorization: Bearer {token}"),
        *("--seed", "1", "--generation-database", "none", "-n", "3", "--max-time", "50"),
        *("--request-timeout", "60"),
    ]
    env = {"PATH": os.environ["PATH"], "PYTHONUTF8": "1"}
    # It leaves reports where it stands.
    done = subprocess.run(
        command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout[-6000:]
    assert "19 selected / 19 total" in done.stdout
    assert " broke" not in studio.log


@pytest.mark.django_db
def test_the_document_needs_no_token_and_names_every_address(client):
    response = client.get("/v1/openapi.json")
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    document = response.json()
    assert document["openapi"] == "3.1.0"
    from generations.api.urls import urlpatterns

    known = {name.partition("{")[0].strip("/") for name in document["paths"]}
    for pattern in urlpatterns:
        path = str(pattern.pattern).partition("<")[0].strip("/")
        if pattern.name not in ("api-nothing", "api-openapi", "api-docs"):
            assert path in known, path


def fits(document, name, body) -> bool:
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    return jsonschema_rs.is_valid(schema, body)


@pytest.mark.django_db
def test_what_a_model_takes_is_said(client, alices):
    """A request that fits is taken, and one that does not is refused for its fields."""
    document = client.get("/v1/openapi.json").json()
    cases = (
        ({"model": "z-image-turbo", "steps": 8}, True),
        ({"model": "z-image-turbo", "steps": 9}, False),
        ({"model": "hidream", "steps": 9}, True),
        ({"model": "default", "width": 64, "height": 64}, True),
        ({"model": "default", "width": 63, "height": 64}, False),
        ({"model": "qwen-image-2", "aspect_ratio": "16:9"}, True),
        ({"model": "qwen-image-2", "aspect_ratio": "7:3"}, False),
        ({"model": "qwen-image-2", "width": 64, "height": 64}, False),
        ({"model": "gpt-image-2", "resolution": "4K", "quality": "high"}, True),
        ({"model": "hidream", "resolution": "4K"}, False),
        ({"model": "hidream", "enable_web_search": False}, True),
        ({"model": "hidream", "enable_web_search": True}, False),
        ({"model": "seedream-v5-lite"}, False),
        ({"model": "seedream-v5-lite", "confirm_price": True}, True),
        ({"model": "hidream", "style_preset": "No such style"}, False),
    )
    for number, (fields, is_taken) in enumerate(cases):
        body = {"prompt": f"A bridge {number}", **fields}
        for path, name in (("/v1/images/generations", "ImagesRequest"), (NATIVE, "NativeRequest")):
            assert fits(document, name, body) == is_taken, (name, fields)
            assert hasattr(alices.send(path, body), "finish") == is_taken, (path, fields)


@pytest.mark.django_db
def test_the_document_follows_catalogue_and_policy(client, alices):
    ModelAlias.objects.create(name="dall-e-3", model_id="hidream")
    Policy.objects.create(pk=1, share_days=5, share_most_days=5)
    document = client.get("/v1/openapi.json").json()
    assert fits(document, "NativeRequest", {"model": "dall-e-3", "prompt": "x", "steps": 50})
    image = {"images": [str(uuid.uuid4())]}
    assert fits(document, "ShareRequest", {**image, "expires": 5})
    assert not fits(document, "ShareRequest", {**image, "expires": 6})
    VeniceModel.objects.update(is_offered=False)
    assert client.get("/v1/openapi.json").status_code == client.get("/v1/docs").status_code == 200


@pytest.mark.django_db
def test_every_reference_leads_somewhere(client):
    text = client.get("/v1/openapi.json").content.decode()
    schemas = json.loads(text)["components"]["schemas"]
    found = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert found
    assert found <= set(schemas)


@pytest.mark.django_db
def test_answers_are_as_they_are_described(alices, alice):
    """What is put together by hand has the types of api/answers.py, and no field beside them."""

    def check(kind, body):
        made = TypeAdapter(kind).validate_json(json.dumps(body))
        described = made.model_dump(mode="json", exclude_unset=True)
        assert set(described) == set(body)

    check(answers.Images, alices.generate(n=2, response_format="url").json())
    check(answers.NativeImages, alices.post(NATIVE, TINY).json())
    make_image(alice, generation=make_generation(alice), state=Image.State.HELD)
    listed = alices.get("/v1/generations").json()
    check(answers.Generations, listed)
    for job in listed["data"]:
        check(answers.Generation, job)
        check(answers.Generation, alices.get(f"/v1/generations/{job['id']}").json())
        for image in job["images"]:
            check(answers.MadeImage, image)
    check(answers.Models, alices.get("/v1/models").json())
    check(answers.NativeModels, alices.get("/api/v1/models").json())
    check(answers.NamedModels, alices.get("/api/v1/models/traits").json())
    check(answers.Styles, alices.get("/api/v1/image/styles?shape=list").json())
    check(answers.Error, alices.get("/v1/models/none").json())
    check(answers.NativeError, alices.post(NATIVE, {**TINY, "steps": 99}).json())
    check(answers.Accepted, alices.send(NATIVE, TINY, Prefer="respond-async").json())


@pytest.mark.django_db
def test_the_page_for_people_is_open_and_names_every_parameter(client):
    response = client.get("/v1/docs")
    assert response.status_code == 200
    page = response.content.decode()
    document = client.get("/v1/openapi.json").json()
    for name in ("ImagesRequest", "NativeRequest", "ShareRequest", "DecisionRequest"):
        for field in document["components"]["schemas"][name]["properties"]:
            assert f"<code>{field}</code>" in page
    for path in document["paths"]:
        assert path in page
    assert "`" not in page
    # Nothing of it comes from elsewhere.
    assert "https://" not in page
