"""Settings from the environment fail loudly, in a sentence, without a traceback."""

import os
import subprocess
import sys

import pytest

from tests.test_layers import ROOT


def run(*arguments, data, **environment):
    base = {"PATH": os.environ["PATH"], "VENICEWEB_DATA": str(data)}
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        env={**base, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    "environment",
    [
        {"PORT": "eighty"},
        {"PORT": "70000"},
        {"VENICEWEB_WORKERS": "0"},
        {"VENICEWEB_CALL_TIMEOUT": "-1"},
        {"VENICEWEB_PROXIES": "many"},
        {"VENICEWEB_LOG": "xml"},
        {"VENICEWEB_DEMO": "maybe"},
        {"VENICEWEB_URL": "studio.example.com"},
        {"VENICE_BASE_URL": "ftp://venice"},
        {"REDIS_URL": "localhost"},
        {"DATABASE_URL": "oracle://x"},
        {"DATABASE_URL": "nonsense"},
        {"EMAIL_URL": "pigeon://x"},
        {"VENICEWEB_ENCRYPTION_KEYS": "short"},
        {"SECRET_KEY_FILE": "/no/such/file"},
        {"DATABASE_URL": "postgres://u@h/d"},
        {"VENICEWEB_DATA": "/dev/null/data"},
        {"VENICEWEB_STORAGE_URL": "https://bucket.example.com"},
        {"VENICEWEB_STORAGE_URL": "s3://bucket?endpoint=s3.example.com"},
        {"VENICEWEB_STORAGE_URL": "s3://id@bucket"},
        {"VENICEWEB_STORAGE_URL_FILE": "/no/such/file"},
        {"AWS_ACCESS_KEY_ID": "id"},
        {"VENICEWEB_HAND_OFF": "torrent"},
        {"VENICEWEB_HAND_OFF": "redirect"},
        {"VENICEWEB_HAND_OFF": "accel"},
        {"VENICEWEB_OIDC_URL": "https://id.example.com"},
        {"VENICEWEB_OIDC_SECRET": "x", "VENICEWEB_OIDC_CLIENT_ID": "y"},
    ],
    ids=str,
)
def test_a_bad_value_is_one_sentence(tmp_path, environment):
    done = run("check", **{"data": tmp_path, **environment})
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("veniceweb: ")
    if next(iter(environment)) != "DATABASE_URL" or environment["DATABASE_URL"][0] != "p":
        named = next(iter(environment)).removesuffix("_FILE")
        assert named in lines[0] or environment[next(iter(environment))] in lines[0]


def test_secrets_are_made_once_and_kept(tmp_path):
    assert run("check", data=tmp_path).returncode == 0
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert set(made) == {"secret_key", "veniceweb_encryption_keys"}
    assert all(oct(path.stat().st_mode)[-3:] == "600" for path in (tmp_path / "secrets").iterdir())
    assert run("check", data=tmp_path).returncode == 0
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == made


def test_a_value_may_come_from_a_file(tmp_path):
    (tmp_path / "port").write_text("nonsense\n")
    done = run("check", data=tmp_path, PORT_FILE=str(tmp_path / "port"))
    assert "PORT must be" in done.stderr


def test_https_without_a_proxy_does_not_start(tmp_path):
    done = run("check", data=tmp_path, VENICEWEB_URL="https://studio.example.com")
    assert done.returncode == 1
    assert "VENICEWEB_PROXIES" in done.stderr
