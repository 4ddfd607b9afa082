"""Settings for tests: a data folder of their own, fast passwords, no processes for decoding."""

import os
import tempfile

_DATA = os.environ.setdefault("VENICEWEB_DATA", tempfile.mkdtemp(prefix="veniceweb-tests-"))
os.environ.setdefault("SECRET_KEY", "tests-only-and-nothing-else-but-tests-0123456789-abcdef")
os.environ.setdefault("VENICEWEB_ENCRYPTION_KEYS", "bm90LWEtc2VjcmV0LW9ubHktZm9yLXRlc3RzLTAxMjM=")
os.environ.setdefault("VENICE_BASE_URL", "http://venice.test/api/v1")
# A provider that nobody answers for; tests/views/test_sso.py has one that does.
for _name, _value in {
    "URL": "http://id.test",
    "CLIENT_ID": "studio",
    "SECRET": "s",
    "NAME": "ID",
}.items():
    os.environ[f"VENICEWEB_OIDC_{_name}"] = _value
for _name in ("VENICE_API_KEY", "VENICEWEB_DEMO", "EMAIL_URL", "VENICEWEB_STORAGE_URL"):
    os.environ.pop(_name, None)

from veniceweb.settings import *  # noqa: E402, F403

# A file, not SQLite's shared memory: threads must meet each other's locks as they do in life.
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # noqa: F405
    DATABASES["default"]["TEST"] = {"NAME": f"{_DATA}/test.sqlite3"}  # noqa: F405

# Each test begins with an empty cache, which empties a whole Redis database: one for each of the
# processes that test side by side.
if _redis := CACHES["default"].get("LOCATION"):  # noqa: F405
    _server, _, _number = str(_redis).rpartition("/")
    _beside = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    CACHES["default"]["LOCATION"] = f"{_server}/{int(_number) + _beside}"  # noqa: F405

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {  # noqa: F405
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
}
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
IMAGE_PROCESSES = 0
VENICE_TRANSPORT = None
OIDC_NAME = ""
