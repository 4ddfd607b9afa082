"""Empty databases of either kind, and our commands run on them as processes of their own."""

import json
import os
import resource
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.faults.studio import ROOT, Process, environment, manage

SERVER = os.environ.get("TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")
KEYS = "bm90LWEtc2VjcmV0LW9ubHktZm9yLXRlc3RzLTAxMjM="
SECRET = "of-the-drills-0123456789-0123456789-0123456789-0123456789"


@dataclass
class Place:
    """An installation: a data folder, and PostgreSQL where `url` says so."""

    data: Path
    url: str = ""
    changes: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        said = {"VENICEWEB_ENCRYPTION_KEYS": KEYS, "SECRET_KEY": SECRET, **self.changes}
        said |= {"VENICE_BASE_URL": "http://venice.test/api/v1"}
        if self.url:
            said["DATABASE_URL"] = self.url
        return {k: v for k, v in environment(self.data, **said).items() if v}

    def manage(self, *arguments: str, most_bytes: int = 0) -> subprocess.CompletedProcess[str]:
        """`most_bytes`: a file that grows beyond it fails as on a full disk."""
        return self._run(manage(*arguments), _limited(most_bytes))

    def start(self, *arguments: str) -> Process:
        log = self.data.with_name(f"{self.data.name}-{uuid.uuid4().hex[:6]}.log")
        return Process(manage(*arguments), self.environment, log)

    def ask(self, *words: str, module: str = "world") -> Any:
        done = self._run([sys.executable, "-m", f"tests.flows.{module}", *words])
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout else None

    def _run(
        self, command: list[str], before: Callable[[], None] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=240,
            preexec_fn=before,
        )

    def files(self) -> list[str]:
        folder = self.data / "images"
        return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def _limited(most_bytes: int) -> Callable[[], None] | None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

    return limit if most_bytes else None


@contextmanager
def empty_postgres() -> Iterator[str]:
    """The address of a new database, dropped afterwards; skips where no server answers."""
    try:
        server = psycopg.connect(SERVER, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        pytest.skip("no PostgreSQL")
    name = f"veniceweb_{uuid.uuid4().hex[:12]}"
    with server:
        server.execute(f'CREATE DATABASE "{name}"')
        try:
            yield f"{SERVER.rpartition('/')[0]}/{name}"
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
