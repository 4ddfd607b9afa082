"""The bucket behaves as a folder would, over real HTTP."""

import base64
import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import httpx
import pytest
from botocore.awsrequest import AWSResponse
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from tests.faults.studio import free_port
from tests.storage.conftest import SECRET, use
from veniceweb import object_storage

NAME = "ab/abc/original.png"
DATA = bytes(range(256)) * 40


def save(name=NAME, data=DATA):
    return default_storage.save(name, ContentFile(data))


def test_what_is_written_is_read_whole_and_in_parts(in_bucket, bucket, prefix):
    assert save() == NAME
    assert bucket.keys(prefix) == {f"{prefix}/{NAME}"}
    assert default_storage.size(NAME) == len(DATA)
    with default_storage.open(NAME) as file:
        assert file.read() == DATA
        file.seek(300)
        assert file.read(7) == DATA[300:307]
        assert file.tell() == 307
        file.seek(-5, io.SEEK_END)
        assert file.read() == DATA[-5:]
        assert file.read(3) == b""
        file.seek(0)
        assert b"".join(file.chunks()) == DATA


def test_all_of_it_is_one_request_and_a_part_is_one_for_the_part(in_bucket, bucket):
    save()
    before = len(bucket.requests())
    with default_storage.open(NAME) as file:
        file.read()
    with default_storage.open(NAME) as file:
        file.seek(5)
        file.read(10)
    assert [line.split('"')[2].split()[0] for line in bucket.requests()[before:]] == ["200", "206"]


def test_its_kind_is_told_and_nobody_else_may_read_it(in_bucket, bucket, prefix):
    save()
    save("ab/abc/w512.webp", b"x")
    save("ab/abc/strange", b"x")
    kinds = [
        bucket.client.head_object(Bucket=bucket.name, Key=f"{prefix}/{name}")["ContentType"]
        for name in (NAME, "ab/abc/w512.webp", "ab/abc/strange")
    ]
    assert kinds == ["image/png", "image/webp", "application/octet-stream"]
    assert httpx.get(f"{bucket.endpoint}/{bucket.name}/{prefix}/{NAME}").status_code == 403


def test_its_sha256_goes_with_it(in_bucket):
    """Twice: one is signed, which every server compares; Amazon keeps the other."""
    sent = {}
    events = in_bucket._client.meta.events
    events.register("before-send.s3.PutObject", lambda request, **_: sent.update(request.headers))
    save()
    digest = hashlib.sha256(DATA)
    assert sent["X-Amz-Content-SHA256"] == digest.hexdigest().encode()
    assert sent["x-amz-checksum-sha256"] == base64.b64encode(digest.digest())
    assert sent["If-None-Match"] == b"*"
    assert "x-amz-acl" not in {name.lower() for name in sent}


def test_nothing_is_written_over_another(in_bucket):
    save()
    other = save(data=b"something else")
    assert other != NAME
    assert other.startswith("ab/abc/original_")
    with default_storage.open(NAME) as file:
        assert file.read() == DATA


def test_a_server_without_conditions_is_asked_first(in_bucket):
    """As some are: 501 for a PUT with If-None-Match. It stands in front of the real one here."""
    body = b"<Error><Code>NotImplemented</Code></Error>"

    def refuse(request, **_):
        if "If-None-Match" in request.headers:
            return AWSResponse(request.url, 501, {}, SimpleNamespace(stream=lambda: [body]))
        return None

    in_bucket._client.meta.events.register("before-send.s3.PutObject", refuse)
    assert save() == NAME
    assert save() == NAME
    assert save(data=b"something else") != NAME
    with default_storage.open(NAME) as file:
        assert file.read() == DATA


def test_a_write_whose_answer_was_lost_finds_its_own_bytes(in_bucket, bucket, prefix):
    save()
    assert save() == NAME
    assert len(bucket.keys(prefix)) == 1


def test_what_is_not_there_is_file_not_found(in_bucket):
    with pytest.raises(FileNotFoundError), default_storage.open("ab/no") as file:
        file.read()
    for ask in (default_storage.size, default_storage.get_modified_time, default_storage.open):
        with pytest.raises(FileNotFoundError):
            ask("")
    with pytest.raises(FileNotFoundError):
        default_storage.size("ab/no")
    assert not default_storage.exists("ab/no")
    default_storage.delete("ab/no")


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "a/../../x",
        "/etc/passwd",
        "a//b",
        ".",
        "a\\..\\b",
        "a\x00b",
        "a\nb",
        "a/",
        "a\u202eb",
    ],
)
def test_no_name_leads_out_of_the_prefix(in_bucket, bucket, prefix, name):
    for ask in (default_storage.open, default_storage.delete, default_storage.exists, save):
        with pytest.raises(SuspiciousFileOperation):
            ask(name)
    assert not bucket.keys(prefix)


@pytest.mark.parametrize(
    "name", ["ab/Brücke 川.png", "ab/a?b&c=d#e%2F+.png", "ab/'\"<script>.png", "ab/" + "x" * 300]
)
def test_any_other_name_is_taken_as_it_is(in_bucket, name):
    assert save(name) == name
    with default_storage.open(name) as file:
        assert file.read() == DATA
    assert [entry[0] for entry in default_storage.entries("ab/")] == [name]
    assert httpx.get(default_storage.signed_url(name, seconds=60)).content == DATA


def test_more_than_a_page_is_listed(in_bucket):
    names = {f"cd/{number:04}" for number in range(1005)}
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda name: default_storage.save(name, ContentFile(b"x")), names))
    assert {name for name, size, moment in default_storage.entries("cd/") if size == 1} == names
    assert default_storage.delete_all(names) == names
    assert list(default_storage.entries()) == []


def test_a_signed_address_sends_what_it_was_told(in_bucket):
    save()
    url = default_storage.signed_url(
        NAME, seconds=60, headers={"Content-Disposition": 'attachment; filename="a b.png"'}
    )
    answer = httpx.get(url)
    assert answer.content == DATA
    assert answer.headers["Content-Disposition"] == 'attachment; filename="a b.png"'
    assert "X-Amz-Expires=60" in url
    assert SECRET not in url


# --- away -----------------------------------------------------------------------------------------

ASKS = [
    lambda: save(),
    lambda: default_storage.open(NAME).read(),
    lambda: default_storage.size(NAME),
    lambda: default_storage.exists(NAME),
    lambda: default_storage.delete(NAME),
    lambda: list(default_storage.entries("ab/")),
    lambda: default_storage.check(),
]


@pytest.mark.parametrize("ask", ASKS)
def test_a_server_that_is_not_there_is_an_error_of_a_disk(bucket, settings, ask):
    closed = bucket.url("x").replace(str(bucket.port), str(free_port()))
    use(settings, closed)
    with pytest.raises(OSError) as caught:
        ask()
    assert not isinstance(caught.value, FileNotFoundError)
    assert caught.value.strerror == "the object storage cannot be used (EndpointConnectionError)"


@pytest.mark.parametrize("ask", [ASKS[0], ASKS[1], ASKS[5], ASKS[6]])
def test_a_bucket_that_is_gone_loses_no_image(bucket, settings, ask):
    """Else each of them would look lost."""
    use(settings, bucket.url("x").replace(bucket.name, "another-bucket"))
    with pytest.raises(OSError) as caught:
        ask()
    assert not isinstance(caught.value, FileNotFoundError)
    assert "404 NoSuchBucket" in caught.value.strerror


def test_a_server_that_is_silent_is_waited_for_no_longer_than_told(bucket, in_bucket, monkeypatch):
    patience = {"connect_timeout": 1, "read_timeout": 1, "attempts": 1}
    monkeypatch.setattr(object_storage, "_PATIENT", patience)
    bucket.stop()
    try:
        with pytest.raises(OSError) as caught:
            save()
        assert caught.value.strerror == "the object storage cannot be used (ReadTimeoutError)"
    finally:
        bucket.go_on()


def test_of_many_to_delete_the_first_that_is_refused_ends_it(bucket, settings):
    use(settings, bucket.url("x").replace(str(bucket.port), str(free_port())))
    assert default_storage.delete_all(f"ab/{number}" for number in range(100)) == set()


def test_its_secret_is_in_no_text_of_it(in_bucket):
    assert SECRET not in repr(in_bucket) + str(in_bucket)


def test_threads_share_it(in_bucket):
    names = [f"ef/{number}" for number in range(64)]
    with ThreadPoolExecutor(32) as threads:
        list(threads.map(lambda name: save(name, name.encode() * 1000), names))
        read = threads.map(lambda name: default_storage.open(name).read(), names)
    assert list(read) == [name.encode() * 1000 for name in names]
