"""The bucket is made before the others start, once, and only where there is a store."""

import os
import subprocess
import sys

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.test_layers import ROOT

KEYS = {"AWS_ACCESS_KEY_ID": "veniceweb", "AWS_SECRET_ACCESS_KEY": "secret-of-the-store"}


@pytest.fixture(scope="module")
def store():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def make(address):
    """`docker/bucket.py`, as the entry point runs it."""
    return subprocess.run(
        [sys.executable, ROOT / "docker/bucket.py"],
        env={"PATH": os.environ["PATH"], **KEYS, "VENICEWEB_STORAGE_URL": address},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_it_is_made_once(store, region):
    address = f"s3://images-{region}/prefix?endpoint={store}&region={region}"
    for _ in range(2):
        assert make(address).returncode == 0
    client = boto3.client(
        "s3",
        endpoint_url=store,
        region_name=region,
        aws_access_key_id="veniceweb",
        aws_secret_access_key="secret-of-the-store",
    )
    try:
        names = [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]
    finally:
        client.close()
    assert f"images-{region}" in names


def test_a_folder_needs_none():
    assert make("").returncode == 0


def test_a_store_that_is_away_is_a_sentence():
    done = make("s3://me:secret-of-the-store@images?endpoint=http://127.0.0.1:9")
    assert done.returncode == 1
    assert done.stderr.startswith("The bucket images cannot be used: ")
    assert "Traceback" not in done.stderr
    assert "secret-of-the-store" not in done.stderr
