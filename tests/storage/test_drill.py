"""Real processes whose bucket is not there, and a worker that is killed meanwhile."""

import os
import signal

import pytest

from tests.faults.studio import free_port, hex_of, wait_for
from tests.storage.conftest import NAME, Bucket

pytestmark = pytest.mark.processes
_ROW = "select error_message from generations_generation where id = ?"


def test_what_was_paid_for_is_settled_when_the_bucket_comes(fresh, upstream, prefix, tmp_path):
    port = free_port()
    url = f"s3://id:secret-of-the-drill@{NAME}/{prefix}?endpoint=http://127.0.0.1:{port}"
    studio = fresh(VENICEWEB_STORAGE_URL=url).start()
    studio.sign_in()
    job = studio.submit("Before the bucket")
    wait_for(
        lambda: "It has come" in studio.rows(_ROW, hex_of(job))[0]["error_message"], "it waits"
    )
    assert studio.http.get("/readyz").json()["storage"] is False
    assert len(list((studio.data / "spool").glob("*.answer"))) == 1

    dead = studio.processes("celery", " worker ")
    os.killpg(min(dead), signal.SIGKILL)
    studio.wait_for_successor(dead, "celery", " worker ")
    bucket = Bucket(tmp_path, port)
    try:
        studio.wait_for_state(job, "succeeded", 60)
        image = studio.image_of(job)
        assert studio.http.get(f"/images/{image}/original").content[8:12] == b"WEBP"
        assert studio.http.get("/readyz").json()["storage"] is True
        assert len(bucket.keys(prefix)) == 3
    finally:
        bucket.process.end()
    assert studio.http.get(f"/images/{image}/original").status_code == 503
    assert len(upstream.calls("Before the bucket")) == 1
    assert not list((studio.data / "spool").iterdir())
    assert "secret-of-the-drill" not in studio.log
