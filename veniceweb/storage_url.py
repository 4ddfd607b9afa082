"""Where images lie, as one address: the data folder, or a bucket that speaks S3."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

LOOKS_LIKE = "s3://bucket/prefix?endpoint=https://s3.example.com&region=eu-central-1"
FOLDER = "data"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[\w.-]+(?:/[\w.-]+)*", re.ASCII)
_KNOWN = {"endpoint", "region", "public"}


def config(
    url: str, *, folder: Path, credentials: dict[str, str], connections: int
) -> dict[str, Any]:
    """Django's settings for the storage at `url`; "" and "data" are the folder.

    `credentials` (key_id, secret, token) are for an address that has none of its own; all empty,
    boto3 looks where it always does. Raises ValueError with the end of a sentence.
    """
    if url in ("", FOLDER):
        return _folder(folder)
    parts = _split(url)
    options = _asked(parts)
    if not find_spec("boto3"):
        raise ValueError("needs one more package: pip install boto3")
    return {
        "BACKEND": "veniceweb.object_storage.ObjectStorage",
        "OPTIONS": {
            "bucket": parts.hostname,
            "prefix": _prefix(parts),
            **options,
            **(_own_credentials(parts) or credentials),
            "connections": connections,
        },
    }


def _folder(folder: Path) -> dict[str, Any]:
    return {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": folder,
            "base_url": None,
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    }


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        is_fine = parts.scheme == "s3" and parts.port is None and not parts.fragment
    except ValueError:
        is_fine = False
    if not is_fine or not _BUCKET.fullmatch(parts.hostname or ""):
        raise ValueError(f"must look like {LOOKS_LIKE}")
    return parts


def _prefix(parts: SplitResult) -> str:
    prefix = parts.path.strip("/")
    if prefix and (not _PREFIX.fullmatch(prefix) or {".", ".."} & set(prefix.split("/"))):
        raise ValueError("has a prefix of other signs than letters, digits, '.', '_', '-' and '/'")
    return prefix


def _asked(parts: SplitResult) -> dict[str, str]:
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    asked = dict(pairs)
    if len(asked) != len(pairs) or asked.keys() - _KNOWN:
        raise ValueError("takes endpoint, region and public after the question mark, each once")
    for name in ("endpoint", "public"):
        if name in asked and not _is_address(asked[name]):
            raise ValueError(f"has a {name} that is no address like https://s3.example.com")
    if not re.fullmatch(r"[a-z0-9-]*", asked.get("region", "")):
        raise ValueError("has a region that is none")
    return asked


def _is_address(text: str) -> bool:
    """A server alone: without a path, a password or a question."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    rest = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not rest


def _own_credentials(parts: SplitResult) -> dict[str, str]:
    if parts.username is None and parts.password is None:
        return {}
    if not parts.username or not parts.password:
        raise ValueError("has half of its credentials: s3://KEY_ID:SECRET@bucket needs both")
    return {"key_id": unquote(parts.username), "secret": unquote(parts.password)}
