"""The keys of an archive that was made --with-secrets, into the data folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from generations.services.backup import tar
from generations.services.backup.tar import Unusable

NAMES = ("secret_key", "encryption_keys")
# File in the data folder, by the name in the archive.
_FILES = {"secret_key": "secret_key", "encryption_keys": "veniceweb_encryption_keys"}


def folder() -> Path:
    return Path(settings.DATA) / "secrets"


def may_put(path: Path) -> bool:
    """Whether they go into the data folder; False: this installation is set to the same.

    Raises Unusable where the environment says what the keys are, and says others.
    """
    if _now() == _read(path):
        return False
    if all(_is_from_folder(name) for name in NAMES):
        return True
    raise Unusable(
        "This archive holds SECRET_KEY and VENICEWEB_ENCRYPTION_KEYS, and others are set here. "
        f"Take them out with tar -xOf {path} {tar.SECRETS}/secret_key and "
        f"{tar.SECRETS}/encryption_keys, set them, and restore again."
    )


def put(path: Path) -> None:
    """Write them, and go on with them in this process."""
    found = _read(path)
    folder().mkdir(mode=0o700, exist_ok=True)
    for name, value in found.items():
        _write(folder() / _FILES[name], value)
    settings.SECRET_KEY = found["secret_key"]
    settings.ENCRYPTION_KEYS = tuple(found["encryption_keys"].split(","))


@contextmanager
def taken_back_on_error() -> Iterator[None]:
    before = _now()
    try:
        yield
    except BaseException:
        if _now() != before:
            for name, value in before.items():
                _write(folder() / _FILES[name], value)
        raise


def _write(file: Path, value: str) -> None:
    mine = file.with_name(f".{file.name}-{os.getpid()}")
    mine.touch(mode=0o600)
    mine.write_text(value)
    mine.rename(file)


def _now() -> dict[str, str]:
    return {
        "secret_key": settings.SECRET_KEY,
        "encryption_keys": ",".join(settings.ENCRYPTION_KEYS),
    }


def _is_from_folder(name: str) -> bool:
    """The environment did not say it, or says the same."""
    try:
        return (folder() / _FILES[name]).read_text().strip() == _now()[name]
    except OSError:
        return False


def _read(path: Path) -> dict[str, str]:
    with path.open("rb") as stream:
        found = {
            entry.rest: entry.read().decode().strip()
            for entry in tar.read(stream)
            if entry.kind == tar.SECRETS
        }
    if set(found) != set(NAMES):
        raise Unusable("This archive says that it holds keys, and does not.")
    return found
