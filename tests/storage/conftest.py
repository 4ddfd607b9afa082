"""A bucket over real HTTP: moto as a process of its own, which can be stopped and come back."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import boto3
import pytest
from django.conf import settings as django_settings
from django.core.files.storage import storages

from tests.faults.conftest import fresh, upstream, used  # noqa: F401  (fixtures)
from tests.faults.studio import Process, free_port, wait_for

NAME = "images-of-the-test"
KEY_ID, SECRET = "AKIATEST", "the/secret+of=the bucket"
_CODE = "import sys; from moto.server import main; main(sys.argv[1:])"


class Bucket:
    """A server with one bucket, which a test may stop for a while."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.port, self.name = port or free_port(), NAME
        self.endpoint = f"http://127.0.0.1:{self.port}"
        env = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", "HOME": str(folder)}
        command = [sys.executable, "-c", _CODE, "-H", "127.0.0.1", "-p", str(self.port)]
        self.process = Process(command, env, folder / "moto.log")
        self.client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=SECRET,
        )
        wait_for(self._answers, "moto answers", 30)

    def _answers(self) -> bool:
        with suppress(Exception):
            self.client.create_bucket(Bucket=self.name)
            return True
        return False

    def url(self, prefix: str) -> str:
        return (
            f"s3://AKIATEST:the%2Fsecret%2Bof%3Dthe%20bucket@{self.name}/{prefix}"
            f"?endpoint={self.endpoint}&region=us-east-1"
        )

    def keys(self, prefix: str) -> set[str]:
        found = self.client.get_paginator("list_objects_v2")
        pages = found.paginate(Bucket=self.name, Prefix=f"{prefix}/")
        return {one["Key"] for page in pages for one in page.get("Contents", ())}

    def requests(self) -> list[str]:
        """Lines of its log, one for each request."""
        return [line for line in self.process.log.splitlines() if '"' in line]

    def puts(self, prefix: str) -> list[str]:
        return [line for line in self.requests() if "PUT" in line and f"/{prefix}/" in line]

    def stop(self) -> None:
        self.process.signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.signal(signal.SIGCONT)


@pytest.fixture(scope="session")
def bucket(tmp_path_factory) -> Iterator[Bucket]:
    made = Bucket(tmp_path_factory.mktemp("bucket"))
    yield made
    made.go_on()
    with suppress(subprocess.TimeoutExpired):
        made.process.end()


@pytest.fixture
def prefix() -> str:
    return f"studio-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def in_bucket(bucket, prefix, settings):
    """Images lie in the bucket, under a prefix of this test's."""
    return use(settings, bucket.url(prefix))


def use(settings, url: str):
    """This storage is the configured one, as after a restart with another address."""
    config = django_settings.STORAGE_AT(url)
    settings.STORAGES = {**settings.STORAGES, "default": config}
    return storages["default"]
