"""What an address of a storage may say."""

from pathlib import Path

import pytest

from veniceweb import storage_url

EMPTY = {"key_id": "", "secret": "", "token": ""}


def config(url, **credentials):
    return storage_url.config(
        url, folder=Path("/data/images"), credentials={**EMPTY, **credentials}, connections=32
    )


@pytest.mark.parametrize("url", ["", "data"])
def test_the_folder(url):
    made = config(url)
    assert made["BACKEND"].endswith("FileSystemStorage")
    assert made["OPTIONS"]["location"] == Path("/data/images")


def test_all_that_it_may_say():
    made = config(
        "s3://ID:a%2Fb%3D@my-bucket/team/one/?endpoint=http://s3:8333&region=garage"
        "&public=https://s3.example.com",
        key_id="other",
        secret="other",
    )["OPTIONS"]
    assert made == {
        "bucket": "my-bucket",
        "prefix": "team/one",
        "endpoint": "http://s3:8333",
        "public": "https://s3.example.com",
        "region": "garage",
        "key_id": "ID",
        "secret": "a/b=",
        "connections": 32,
    }


def test_credentials_of_the_environment():
    made = config("s3://my-bucket", key_id="ID", secret="x", token="t")["OPTIONS"]
    assert (made["key_id"], made["secret"], made["token"]) == ("ID", "x", "t")
    assert made["prefix"] == ""


@pytest.mark.parametrize(
    "url",
    [
        *("s3:", "s3://", "s3:///prefix", "s3://A", "S4://bucket", "bucket", "file:///etc"),
        *("s3://my-bucket:9000", "s3://my-bucket#x", "s3://my_bucket", "s3://[::1", "s3://-ab"),
        *("s3://my-bucket/../other", "s3://my-bucket/a b", "s3://my-bucket/./x", "s3://b1b/a//b"),
        *("s3://my-bucket?acl=public", "s3://my-bucket?region=a&region=b"),
        *("s3://my-bucket?endpoint=ftp://x", "s3://my-bucket?endpoint=https://u:p@x"),
        *("s3://my-bucket?endpoint=https://x/path", "s3://my-bucket?endpoint=https://x:y"),
        *("s3://my-bucket?public=x", "s3://my-bucket?region=EU west", "s3://:secret@my-bucket"),
        "s3://id:@my-bucket",
    ],
)
def test_what_makes_no_sense_is_refused(url):
    with pytest.raises(ValueError) as problem:
        config(url)
    assert "secret" not in str(problem.value)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(storage_url, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="pip install boto3"):
        config("s3://my-bucket")
    assert config("data")
