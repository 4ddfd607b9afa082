"""Images in a bucket that speaks S3: a Django storage, and the only door to boto3.

What goes wrong comes out as it does from a disk. An object that is not there is
FileNotFoundError; a bucket that does not answer, refuses or is gone is another OSError, and then
whoever wanted to write keeps what they have and tries again later.

Keys are never written twice: a PUT says "If-None-Match: *", and its bytes are signed with their
SHA-256, so that the server takes all of them or nothing. No ACL is sent: objects are private
unless the bucket says otherwise, and a bucket that allows no ACLs refuses a request with one.
"""

import base64
import errno
import hashlib
import io
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import File
from django.core.files.storage import Storage

TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
# Requests of one caller at once, where a caller has many.
AT_ONCE = 16
_GONE = {"404", "NoSuchKey", "NotFound"}
_TAKEN = {"412", "PreconditionFailed"}
_BEHIND_THE_END = {"416", "InvalidRange"}
# Seconds; the second number is between two pieces, not for the whole. Standard retries are for
# what passes in a second; after that the spool and the sweep try again.
_PATIENT = {"connect_timeout": 3, "read_timeout": 10, "attempts": 2}
_QUICK = {"connect_timeout": 1, "read_timeout": 2, "attempts": 1}


class ObjectStorage(Storage):
    """`public`: the endpoint's address for browsers, when it is another than ours."""

    AT_ONCE = AT_ONCE

    def __init__(
        self,
        *,
        bucket: str,
        prefix: str = "",
        endpoint: str = "",
        public: str = "",
        region: str = "",
        key_id: str = "",
        secret: str = "",
        token: str = "",
        connections: int = 32,
    ) -> None:
        self.bucket, self.prefix = bucket, f"{prefix}/" if prefix else ""
        self._endpoint, self._public = endpoint, public or endpoint
        # An endpoint of one's own has one region, whatever it is called.
        self._region = region or ("us-east-1" if endpoint else None)
        self._credentials = (key_id or None, secret or None, token or None)
        self._connections = connections
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}

    # --- what Django asks for -----------------------------------------------------------------

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name  # whether it is free, the PUT asks

    def _open(self, name: str, mode: str = "rb") -> "File[Any]":
        if mode != "rb":
            raise ValueError("objects are only read; save() writes them")
        body: Any = _Body(self, name)
        return File(body, name)

    def _save(self, name: str, content: Any) -> str:
        data = content.read()
        for _ in range(3):
            if self._put(name, data):
                return name
            root, ending = os.path.splitext(name)
            name = self.get_alternative_name(root, ending)
        raise FileExistsError(errno.EEXIST, "the name is taken", name)

    def delete(self, name: str) -> None:
        with _as_from_a_disk(name):
            self._client.delete_object(**self._place(name))

    def exists(self, name: str) -> bool:
        try:
            self.head(name)
        except FileNotFoundError:
            return False
        return True

    def size(self, name: str) -> int:
        return int(self.head(name)["ContentLength"])

    def get_modified_time(self, name: str) -> datetime:
        moment: datetime = self.head(name)["LastModified"]
        return moment

    # --- and what only a bucket can -------------------------------------------------------------

    def check(self) -> None:
        """Raises OSError when the bucket does not answer within a moment, or is not there."""
        with _as_from_a_disk(self.bucket):
            self._client_for("check", self._endpoint, _QUICK).list_objects_v2(
                Bucket=self.bucket, Prefix=self.prefix, MaxKeys=1
            )

    def entries(self, start: str = "") -> Iterator[tuple[str, int, datetime]]:
        """(name, size, moment) of all whose name begins so, a thousand with each request."""
        found = self._client.get_paginator("list_objects_v2")
        with _as_from_a_disk(start):
            for page in found.paginate(Bucket=self.bucket, Prefix=self.prefix + start):
                for one in page.get("Contents", ()):
                    name = one["Key"].removeprefix(self.prefix)
                    yield name, one["Size"], one["LastModified"]

    def delete_all(self, names: Iterable[str]) -> set[str]:
        """Those that are gone. The first that is refused ends it: the rest are not asked for."""
        is_away = threading.Event()

        def delete(name: str) -> str:
            if is_away.is_set():
                return ""
            try:
                self.delete(name)
            except OSError:
                is_away.set()
                return ""
            return name

        with ThreadPoolExecutor(AT_ONCE) as threads:
            return set(threads.map(delete, names)) - {""}

    def signed_url(
        self,
        name: str,
        *,
        seconds: int,
        is_head: bool = False,
        headers: Mapping[str, str] | None = None,
        is_public: bool = True,
    ) -> str:
        """An address that works for so long, and sends these headers. It asks nobody whether the
        object is there."""
        place: dict[str, Any] = self._place(name)
        for header, value in (headers or {}).items():
            place[f"Response{header.replace('-', '')}"] = value
        client = self._client
        if is_public and self._public != self._endpoint:
            client = self._client_for("public", self._public, _PATIENT)
        with _as_from_a_disk(name):  # there may be no credentials to sign with
            url: str = client.generate_presigned_url(
                "head_object" if is_head else "get_object", Params=place, ExpiresIn=seconds
            )
        return url

    def inner_path(self, name: str, *, seconds: int, is_head: bool = False) -> str:
        """/bucket/key?signature, for a server in front that speaks to the endpoint itself."""
        parts = urlsplit(self.signed_url(name, seconds=seconds, is_head=is_head, is_public=False))
        return f"{parts.path}?{parts.query}"

    # --- requests -----------------------------------------------------------------------------

    def head(self, name: str) -> dict[str, Any]:
        with _as_from_a_disk(name):
            found: dict[str, Any] = self._client.head_object(**self._place(name))
        return found

    def get(self, name: str, span: str = "") -> bytes:
        """The bytes, or those of `span` as in the header Range; b"" for one behind the end."""
        asked = {"Range": f"bytes={span}"} if span else {}
        try:
            with _as_from_a_disk(name):
                reply = self._client.get_object(**self._place(name), **asked)
                with reply["Body"] as body:
                    return bytes(body.read())
        except _BehindTheEnd:
            return b""

    def _put(self, name: str, data: bytes) -> bool:
        """False when another object has that name."""
        digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
        kind = TYPES.get(name.rpartition(".")[2], "application/octet-stream")
        asked = {**self._place(name), "Body": data, "ContentType": kind, "ChecksumSHA256": digest}
        try:
            with _as_from_a_disk(name):
                self._client.put_object(**asked, IfNoneMatch="*")
        except FileExistsError:
            # A first try whose answer was lost may have written it.
            return self.get(name) == data
        except _NotImplemented:
            # Some servers know no conditions. Names have a fresh id, so asking first will do.
            if self.exists(name):
                return self.get(name) == data
            with _as_from_a_disk(name):
                self._client.put_object(**asked)
        return True

    def _place(self, name: str) -> dict[str, str]:
        """Bucket and key. No name leads out of the prefix, as none leads out of a folder."""
        if not name:
            raise FileNotFoundError(errno.ENOENT, "no name", name)
        barred = {"", ".", ".."} & set(name.split("/"))
        if barred or "\\" in name or not name.isprintable():
            raise SuspiciousFileOperation("That is no name of an object.")
        return {"Bucket": self.bucket, "Key": self.prefix + name}

    @property
    def _client(self) -> Any:
        return self._client_for("", self._endpoint, _PATIENT)

    def _client_for(self, purpose: str, endpoint: str, patience: Mapping[str, int]) -> Any:
        """Made at the first request, which is after every fork; threads may share it."""
        with self._lock:
            if purpose not in self._clients:
                self._clients[purpose] = self._connected(endpoint, patience)
            return self._clients[purpose]

    def _connected(self, endpoint: str, patience: Mapping[str, int]) -> Any:
        import boto3  # 0.2 s and 30 MB that a data folder has no use for
        from botocore.config import Config

        config = Config(
            signature_version="s3v4",
            s3={"addressing_style": "path", "payload_signing_enabled": True},
            # Newer boto3 adds checksums that not every server but Amazon's can read.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=patience["connect_timeout"],
            read_timeout=patience["read_timeout"],
            retries={"mode": "standard", "total_max_attempts": patience["attempts"]},
            max_pool_connections=self._connections,
        )
        key_id, secret, token = self._credentials
        with _as_from_a_disk(self.bucket):
            return boto3.session.Session().client(
                "s3",
                endpoint_url=endpoint or None,
                region_name=self._region,
                aws_access_key_id=key_id,
                aws_secret_access_key=secret,
                aws_session_token=token,
                config=config,
            )


class _Body(io.RawIOBase):
    """An object to read, as a file: all of it is one request, a part of it is one for that part."""

    def __init__(self, storage: ObjectStorage, name: str) -> None:
        self._storage, self._name, self._at = storage, name, 0
        storage._place(name)  # a name that is none fails here, as on a disk

    @cached_property
    def size(self) -> int:
        return self._storage.size(self._name)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = (0, self._at, self.size if whence == io.SEEK_END else 0)[whence]
        self._at = max(0, start + offset)
        return self._at

    def readall(self) -> bytes:
        data = self._storage.get(self._name, f"{self._at}-" if self._at else "")
        self._at += len(data)
        return data

    def readinto(self, buffer: Any) -> int:
        if not len(buffer):
            return 0
        data = self._storage.get(self._name, f"{self._at}-{self._at + len(buffer) - 1}")
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


class _BehindTheEnd(OSError):
    pass


class _NotImplemented(OSError):
    pass


@contextmanager
def _as_from_a_disk(name: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _refused(error.response, name) from None
    except BotoCoreError as error:
        # Its text may have the address, which is no secret, but says nothing to people.
        text = f"the object storage cannot be used ({type(error).__name__})"
        raise OSError(errno.EIO, text) from None


def _refused(reply: Mapping[str, Any], name: str) -> OSError:
    code = str(reply.get("Error", {}).get("Code", ""))
    status = reply.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
    if code in _GONE:
        return FileNotFoundError(errno.ENOENT, "no such object", name)
    if code in _TAKEN:
        return FileExistsError(errno.EEXIST, "the name is taken", name)
    if code in _BEHIND_THE_END:
        return _BehindTheEnd(errno.EINVAL, "behind the end", name)
    kind = _NotImplemented if code == "NotImplemented" else OSError
    return kind(errno.EIO, f"the object storage answered {status} {code}".strip())
