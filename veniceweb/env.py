"""The one door to the environment: what may be set, what it must look like, what it defaults to.

Every variable can also be given as NAME_FILE, the path of a file that holds the value
(Docker secrets). A `.env` file beside manage.py is read for what the environment leaves unset.
A value that cannot be used raises ImproperlyConfigured with one sentence; manage.py prints it.
"""

import os
import secrets
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from veniceweb import storage_url

BASE_DIR = Path(__file__).resolve().parent.parent
VENICE = "https://api.venice.ai/api/v1"

# name -> what it is for; the README's table and .env.example are tested against this.
VARIABLES = {
    "SECRET_KEY": "signs sessions and links",
    "DATABASE_URL": "PostgreSQL address; default SQLite in the data folder",
    "REDIS_URL": "Redis or Valkey address; default a file broker in the data folder",
    "EMAIL_URL": "SMTP address; default none, nothing is mailed",
    "VENICE_API_KEY": "the team's Venice key",
    "VENICE_BASE_URL": "Venice's address",
    "VENICEWEB_DATA": "data folder",
    "VENICEWEB_STORAGE_URL": "bucket for the images; default the data folder",
    "AWS_ACCESS_KEY_ID": "who we are to that bucket, where its address does not say",
    "AWS_SECRET_ACCESS_KEY": "the secret that goes with it",
    "AWS_SESSION_TOKEN": "for credentials that end",
    "VENICEWEB_HAND_OFF": "who sends the images: this program, a server in front, the bucket",
    "VENICEWEB_URL": "public address of this studio",
    "VENICEWEB_HOST": "address to listen on",
    "PORT": "port to listen on",
    "VENICEWEB_ENCRYPTION_KEYS": "comma-separated Fernet keys, the first encrypts",
    "VENICEWEB_ADMIN_EMAIL": "first admin, only when there is no user",
    "VENICEWEB_ADMIN_PASSWORD": "password of the first admin",
    "VENICEWEB_PASSWORD": "password for `manage.py adduser`, instead of its prompt",
    "VENICEWEB_WORKERS": "parallel calls of a worker",
    "VENICEWEB_RATE_MARGIN": "requests a minute of each account left to others who use it",
    "VENICEWEB_PROXIES": "trusted proxies in front",
    "VENICEWEB_CALL_TIMEOUT": "seconds a call to Venice may take",
    "VENICEWEB_NAME": "the team's name in the bar",
    "VENICEWEB_OIDC_URL": "address of an OpenID Connect provider to sign in with",
    "VENICEWEB_OIDC_CLIENT_ID": "what that provider calls this studio",
    "VENICEWEB_OIDC_SECRET": "the client's secret there",
    "VENICEWEB_OIDC_NAME": "what people call that provider",
    "VENICEWEB_BACKUPS": "folder for a backup a day; default none are made",
    "VENICEWEB_BACKUPS_KEPT": "how many of those stay",
    "VENICEWEB_DEMO": "1 forces demo mode, 0 forbids it",
    "VENICEWEB_LOG": "text or json",
    "VENICEWEB_METRICS_TOKEN": "what /metrics asks for as a bearer token",
}


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The environment, checked. Times in seconds."""

    is_embedded: bool
    data: Path
    secret_key: str
    encryption_keys: tuple[str, ...]
    database: dict[str, Any]
    redis_url: str
    # Django's settings for the storage; the same for another address, as `movestorage` has one.
    storage: dict[str, Any]
    storage_at: Callable[[str], dict[str, Any]]
    hand_off: str
    email: dict[str, Any]
    venice_api_key: str
    venice_base_url: str
    url: str
    host: str
    port: int
    admin_email: str
    admin_password: str
    new_password: str
    workers: int
    rate_margin: int
    proxies: int
    call_timeout: float
    name: str
    backups: Path | None
    backups_kept: int
    # url, client_id, secret and name; empty without a provider.
    oidc: dict[str, str]
    demo: bool | None
    is_demo: bool
    log: str
    metrics_token: str


def read() -> Environment:
    """Read and check everything. Raises ImproperlyConfigured with a sentence for a person."""
    env = environ.FileAwareEnv()
    _read_dotenv(env)
    try:
        return _read(env)
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(
            f"{getattr(error, 'filename', None) or 'A file'} cannot be read; a …_FILE names it."
        ) from None


def _read(env: environ.Env) -> Environment:
    data = _data_folder(env)
    is_embedded = _is_embedded(env)
    if is_embedded:
        _keep_to_ourselves(data)
    host, port = _text(env, "VENICEWEB_HOST", "127.0.0.1"), _whole(env, "PORT", 8000, 1, 65535)
    return Environment(
        is_embedded=is_embedded,
        data=data,
        # Before the secrets: a wrong address must not leave freshly made keys behind.
        database=_database(env, data),
        secret_key=_secret(env, "SECRET_KEY", data, is_embedded, secrets.token_urlsafe(50)),
        encryption_keys=_encryption_keys(env, data, is_embedded),
        redis_url=_url(env, "REDIS_URL", "", ("redis", "rediss", "unix")),
        storage=_storage(env, data),
        storage_at=_storage_at(env, data),
        hand_off=_hand_off(env),
        email=_email(env),
        venice_api_key=_text(env, "VENICE_API_KEY"),
        venice_base_url=_url(env, "VENICE_BASE_URL", VENICE, ("http", "https")).rstrip("/"),
        url=_url(env, "VENICEWEB_URL", f"http://127.0.0.1:{port}", ("http", "https")).rstrip("/"),
        host=host,
        port=port,
        admin_email=_text(env, "VENICEWEB_ADMIN_EMAIL"),
        admin_password=_text(env, "VENICEWEB_ADMIN_PASSWORD"),
        new_password=_text(env, "VENICEWEB_PASSWORD"),
        workers=_whole(env, "VENICEWEB_WORKERS", 16, 1, 64),
        rate_margin=_whole(env, "VENICEWEB_RATE_MARGIN", 0, 0, 1000),
        proxies=_whole(env, "VENICEWEB_PROXIES", 0, 0, 10),
        call_timeout=float(_whole(env, "VENICEWEB_CALL_TIMEOUT", 180, 1, 3600)),
        name=_text(env, "VENICEWEB_NAME", "veniceweb"),
        backups=_backups(env),
        backups_kept=_whole(env, "VENICEWEB_BACKUPS_KEPT", 7, 1, 1000),
        oidc=_oidc(env),
        demo=_switch(env, "VENICEWEB_DEMO"),
        # Only `up` puts the stand-in in Venice's place; only then a page may promise it.
        is_demo=_text(env, "VENICEWEB_STANDIN") == "1",
        log=_choice(env, "VENICEWEB_LOG", "text", ("text", "json")),
        metrics_token=_token(env, "VENICEWEB_METRICS_TOKEN"),
    )


# Passwords that only the first process needs; a child's environment can be read in /proc.
_NOT_FOR_CHILDREN = ("VENICEWEB_ADMIN_PASSWORD", "VENICEWEB_PASSWORD")


def for_children(**changes: str) -> dict[str, str]:
    """The environment for a child process of `manage.py up`, with `changes` on top."""
    kept = {k: v for k, v in os.environ.items() if k not in _NOT_FOR_CHILDREN}
    return {**kept, **changes}


def _read_dotenv(env: environ.Env) -> None:
    path = BASE_DIR / ".env"
    if path.is_file() and "PYTEST_VERSION" not in os.environ:
        env.read_env(str(path))


def _text(env: environ.Env, name: str, default: str = "") -> str:
    # Not env.str(): that takes a value which begins with "$" for another variable's name.
    return str(env.ENVIRON.get(name, "")).strip() or default


def _is_embedded(env: environ.Env) -> bool:
    """Embedded: `manage.py up` and what it starts, or SQLite in the data folder.

    VENICEWEB_EMBEDDED is how `up` tells its children; it is no setting for people.
    """
    started_by_up = _text(env, "VENICEWEB_EMBEDDED") == "1"
    return started_by_up or "up" in sys.argv[1:2] or not _text(env, "DATABASE_URL")


def _data_folder(env: environ.Env) -> Path:
    data = Path(_text(env, "VENICEWEB_DATA", str(BASE_DIR / "data"))).expanduser().resolve()
    try:
        data.mkdir(parents=True, exist_ok=True)
        probe = data / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ImproperlyConfigured(
            f"The data folder {data} cannot be written ({error.strerror}). "
            "Set VENICEWEB_DATA to a folder that can."
        ) from None
    return data


def _keep_to_ourselves(data: Path) -> None:
    """Database, images and messages are nobody else's on this machine."""
    os.umask(0o077)
    with suppress(OSError):
        data.chmod(0o700)


def _secret(env: environ.Env, name: str, data: Path, may_make: bool, fresh: str) -> str:
    """The secret from the environment, else from the data folder, else newly made there."""
    if given := _text(env, name):
        return given
    path = data / "secrets" / name.lower()
    with suppress(FileNotFoundError):
        return path.read_text().strip()
    if not may_make:
        raise ImproperlyConfigured(f"{name} is not set, and outside embedded mode it must be.")
    return _keep(path, fresh)


def _keep(path: Path, value: str) -> str:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    mine = path.with_name(f".{path.name}-{os.getpid()}")
    mine.touch(mode=0o600)
    mine.write_text(value)
    # link() fails when another process was first: then its secret is the one.
    with suppress(FileExistsError):
        os.link(mine, path)
    mine.unlink()
    return path.read_text().strip()


def _encryption_keys(env: environ.Env, data: Path, may_make: bool) -> tuple[str, ...]:
    name = "VENICEWEB_ENCRYPTION_KEYS"
    value = _secret(env, name, data, may_make, Fernet.generate_key().decode())
    keys = tuple(key.strip() for key in value.split(",") if key.strip())
    for key in keys:
        _checked(partial(Fernet, key), f"{name} holds something that is no Fernet key.")
    if not keys:
        raise ImproperlyConfigured(f"{name} is empty.")
    return keys


def _checked(attempt: Callable[[], Any], sentence: str) -> Any:
    try:
        return attempt()
    except (ValueError, TypeError, KeyError, ImproperlyConfigured):
        raise ImproperlyConfigured(sentence) from None


def _database(env: environ.Env, data: Path) -> dict[str, Any]:
    default = f"sqlite:///{data / 'veniceweb.sqlite3'}"
    sentence = "DATABASE_URL must look like postgres://user:password@host:5432/name."
    url = _text(env, "DATABASE_URL", default)
    if "://" not in url:
        raise ImproperlyConfigured(sentence)
    config = dict(_checked(lambda: env.db_url_config(url), sentence))
    if config.get("ENGINE") == "django.db.backends.sqlite3":
        return config | {"OPTIONS": _SQLITE}
    if config.get("ENGINE") != "django.db.backends.postgresql" or not config.get("NAME"):
        raise ImproperlyConfigured(sentence)
    return config | {
        "ENGINE": "veniceweb.postgres",
        "OPTIONS": {**config.get("OPTIONS", {}), "pool": _POOL},
    }


# IMMEDIATE takes the write lock at BEGIN, so that two writers wait for each other instead of
# failing in the middle; WAL lets readers go on meanwhile.
_SQLITE = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-16000;",
}
# Threads of a worker hand their connection back while they wait for Venice: 20 serve 64 calls.
# A server that is away is tried for 5 s, and again by the next who asks: pauses that grow to
# minutes would outlast its return.
_POOL = {"min_size": 1, "max_size": 20, "timeout": 10, "reconnect_timeout": 5, "max_idle": 60}


def _storage(env: environ.Env, data: Path) -> dict[str, Any]:
    try:
        return _storage_at(env, data)(_text(env, "VENICEWEB_STORAGE_URL"))
    except ValueError as problem:
        raise ImproperlyConfigured(f"VENICEWEB_STORAGE_URL {problem}.") from None


def _storage_at(env: environ.Env, data: Path) -> Callable[[str], dict[str, Any]]:
    credentials = {
        "key_id": _text(env, "AWS_ACCESS_KEY_ID"),
        "secret": _text(env, "AWS_SECRET_ACCESS_KEY"),
        "token": _text(env, "AWS_SESSION_TOKEN"),
    }
    if bool(credentials["key_id"]) != bool(credentials["secret"]):
        raise ImproperlyConfigured(
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together: set both or none."
        )
    # A request each: the worker's threads, or as many as a web process will have at a time.
    connections = max(32, _whole(env, "VENICEWEB_WORKERS", 16, 1, 64) + 4)
    return partial(
        storage_url.config,
        folder=data / "images",
        credentials=credentials,
        connections=connections,
    )


def _hand_off(env: environ.Env) -> str:
    name = "VENICEWEB_HAND_OFF"
    how = _choice(env, name, "", ("", "accel", "redirect"))
    if how == "redirect" and not _text(env, "VENICEWEB_STORAGE_URL").startswith("s3:"):
        raise ImproperlyConfigured(f"{name} can be redirect only with a bucket to redirect to.")
    # Its paths are for a server in front; anybody else would get no picture, and a signed address.
    if how == "accel" and _text(env, "VENICEWEB_PROXIES", "0") == "0":
        raise ImproperlyConfigured(
            f"{name} is accel, but VENICEWEB_PROXIES says nobody is in front."
        )
    return how


def _email(env: environ.Env) -> dict[str, Any]:
    sentence = "EMAIL_URL must look like smtp+tls://user:password@host:587."
    return dict(
        _checked(lambda: env.email_url_config(_text(env, "EMAIL_URL", "dummymail://")), sentence)
    )


def _token(env: environ.Env, name: str) -> str:
    value = _text(env, name)
    if value and not (len(value) >= 16 and value.isascii() and value.isprintable()):
        raise ImproperlyConfigured(f"{name} must have 16 or more plain characters.")
    return value


def _backups(env: environ.Env) -> Path | None:
    folder = _text(env, "VENICEWEB_BACKUPS")
    return Path(folder).expanduser().resolve() if folder else None


def _oidc(env: environ.Env) -> dict[str, str]:
    found = {
        "url": _url(env, "VENICEWEB_OIDC_URL", "", ("http", "https")),
        "client_id": _text(env, "VENICEWEB_OIDC_CLIENT_ID"),
        "secret": _text(env, "VENICEWEB_OIDC_SECRET"),
    }
    if not any(found.values()):
        return {}
    if not all(found.values()):
        raise ImproperlyConfigured(
            "VENICEWEB_OIDC_URL, VENICEWEB_OIDC_CLIENT_ID and VENICEWEB_OIDC_SECRET "
            "belong together: set all of them."
        )
    if not all(find_spec(name) for name in ("requests", "oauthlib", "jwt")):
        raise ImproperlyConfigured(
            "VENICEWEB_OIDC_URL needs more packages: pip install 'django-allauth[socialaccount]'."
        )
    return found | {"name": _text(env, "VENICEWEB_OIDC_NAME", urlsplit(found["url"]).netloc)}


def _url(env: environ.Env, name: str, default: str, schemes: tuple[str, ...]) -> str:
    value = _text(env, name, default)
    if not value:
        return ""
    parts = _checked(lambda: _split(value), f"{name} is no address.")
    if parts.scheme not in schemes or not (parts.netloc or parts.scheme == "unix"):
        raise ImproperlyConfigured(f"{name} must begin with {' or '.join(schemes)}://.")
    return value


def _split(value: str) -> SplitResult:
    parts = urlsplit(value)
    _ = parts.port  # raises ValueError for what is no port
    return parts


def _whole(env: environ.Env, name: str, default: int, least: int, most: int) -> int:
    value = _text(env, name, str(default))
    if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
        raise ImproperlyConfigured(f"{name} must be a whole number from {least} to {most}.")
    return int(value)


def _switch(env: environ.Env, name: str) -> bool | None:
    value = _text(env, name).lower()
    known = {
        "": None,
        "1": True,
        "true": True,
        "yes": True,
        "0": False,
        "false": False,
        "no": False,
    }
    if value not in known:
        raise ImproperlyConfigured(f"{name} must be 1, 0 or unset.")
    return known[value]


def _choice(env: environ.Env, name: str, default: str, choices: tuple[str, ...]) -> str:
    value = _text(env, name, default)
    if value not in choices:
        raise ImproperlyConfigured(f"{name} must be {' or '.join(filter(None, choices))}.")
    return value
