"""A program with a token: it asks, the worker works, it is answered."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from generations.models import ApiToken, User
from generations.services import token as tokens
from tests.faults.studio import ADMIN, ROOT, Studio, Upstream, wait_for


class Program:
    """Sends JSON with a token. What has to be waited for is awaited by running the jobs."""

    def __init__(self, text: str | None, run_jobs: Callable[[], int]) -> None:
        self.text, self._run_jobs = text, run_jobs
        self._http = Client(raise_request_exception=False)
        # How the next request that waits ends: False when its time is over first.
        self.is_patient = True

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.text}"} if self.text else {}

    def send(self, path: str, body: Any, **headers: str) -> HttpResponse:
        """The first half: taken, or refused."""
        data = body if isinstance(body, bytes | str) else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        kind = named.pop("Content-Type", "application/json")
        return self._http.post(path, data, content_type=kind, headers={**self.headers, **named})

    def post(self, path: str, body: Any, **headers: str) -> HttpResponse:
        return self.finished(self.send(path, body, **headers))

    def finished(self, response: Any) -> HttpResponse:
        if not hasattr(response, "finish"):
            return response
        if self.is_patient:
            self._run_jobs()
        answer = response.finish(self.is_patient)
        answer.json = lambda: json.loads(answer.content)
        return answer

    def get(self, path: str, **headers: str) -> HttpResponse:
        return self._http.get(path, headers={**self.headers, **headers})

    def generate(self, prompt: str = "A stone bridge", **fields: Any) -> HttpResponse:
        return self.post("/v1/images/generations", {**SMALL, "prompt": prompt, **fields})


SMALL = {"model": "z-image-turbo", "size": "64x64"}


def make_token(user: User, **fields: Any) -> tuple[ApiToken, str]:
    values = {"name": "Script", "scopes": ["generate", "read"], **fields}
    return tokens.create(user, **values)


@pytest.fixture
def program(run_jobs) -> Callable[..., Program]:
    """A program of a person's, with a new token."""

    def make(user: User | None, **fields: Any) -> Program:
        return Program(make_token(user, **fields)[1] if user else None, run_jobs)

    return make


@pytest.fixture
def alices(program, alice, stocked) -> Program:
    return program(alice)


# --- real processes --------------------------------------------------------------------------


@pytest.fixture(scope="session")
def upstream(tmp_path_factory) -> Iterator[Upstream]:
    standin = Upstream(tmp_path_factory.mktemp("api-upstream"), latency=0.1)
    yield standin
    standin.end()


@pytest.fixture(scope="session")
def studio(tmp_path_factory, upstream) -> Iterator[Studio]:
    yield from _studio(tmp_path_factory.mktemp("api-studio"), upstream)


@pytest.fixture
def own_studio(tmp_path_factory) -> Iterator[Studio]:
    """One without the jobs of other tests: their prompts ask for faults, and their line is long."""
    standin = Upstream(tmp_path_factory.mktemp("own-upstream"), latency=0.1)
    yield from _studio(tmp_path_factory.mktemp("own-studio"), standin)
    standin.end()


def _studio(folder: Path, upstream: Upstream) -> Iterator[Studio]:
    running = Studio(folder / "data", upstream)
    running.process = running.launch()
    try:
        wait_for(running._is_up, "the studio is up", 120)
        yield running
    finally:
        running.end()


@pytest.fixture(scope="session")
def token(studio) -> str:
    return token_of(studio)


def token_of(studio: Studio) -> str:
    command = [sys.executable, str(ROOT / "manage.py"), "token", ADMIN, "--name", "SDK"]
    made = subprocess.run(
        command, env=studio.environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r"vw_[\w-]{43}\n", made.stdout)
    return made.stdout.strip()
