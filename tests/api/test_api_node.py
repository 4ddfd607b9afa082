"""OpenAI's SDK for Node against real processes: as it is, with only address and token changed."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.faults.studio import ROOT

pytestmark = pytest.mark.processes
# A release, not "latest": a test says the same tomorrow.
SDK = "openai@7.55.0"
SCRIPT = Path(__file__).with_name("sdk.mjs")


@pytest.fixture(scope="session")
def node(tmp_path_factory) -> Path:
    """A folder in which Node finds the SDK."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("there is no node and npm on the PATH")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "veniceweb-tests"
    folder = cache / SDK.replace("@", "-")
    if not (folder / "node_modules/openai/package.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [
                "npm",
                "install",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "--prefix",
                str(folder),
                SDK,
            ],
            capture_output=True,
            text=True,
            timeout=240,
        )
        if done.returncode:
            reason = f"npm could not fetch {SDK}: {done.stderr.strip()[-300:]}"
            # Where everything must be tested it is a failure.
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    return folder


@pytest.fixture(scope="session")
def told(node, studio, token, upstream) -> dict:
    """What the script says: one line of JSON for all its parts."""
    script = node / SCRIPT.name
    script.write_text(SCRIPT.read_text())
    env = {
        "PATH": os.environ["PATH"],
        "OPENAI_BASE_URL": f"{studio.address}/v1",
        "OPENAI_API_KEY": token,
    }
    done = subprocess.run(
        ["node", str(script)], env=env, cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_makes_images_as_data_and_as_addresses(told):
    assert told["made"] == {"count": 2, "isPng": True}
    assert told["url"] == {"status": 200, "type": "image/jpeg"}


def test_the_raw_response_has_what_was_used(told):
    assert told["raw"] == {"seed": "7", "price": "0.01", "hasJob": True}


def test_models_are_listed_and_found(told):
    assert told["models"] == {"listed": True, "fastest": "z-image-turbo"}


def test_each_error_is_of_its_own_class_and_nothing_is_sent_again(told, upstream):
    assert told["errors"] == {
        "size": ["BadRequestError", "invalid_value"],
        "model": ["NotFoundError", "model_not_found"],
        "refused": ["UnprocessableEntityError", "content_policy_violation"],
        "lost": ["InternalServerError", "outcome_unknown"],
        "token": ["AuthenticationError", "invalid_api_key"],
    }
    assert len(upstream.calls("Node [[422]]")) == 1
    assert len(upstream.calls("Node [[504]]")) == 1


def test_what_it_sends_again_after_its_own_timeout_costs_one(told, upstream):
    assert told["retried"] == {"count": 1}
    assert len(upstream.calls("Node [[slow")) == 1
