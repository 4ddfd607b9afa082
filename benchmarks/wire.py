"""HTTP/1.1 as light as it gets: thousands of connections in one process beside what is measured.

httpx costs some milliseconds of CPU a request and its pool collapses beyond fifty connections;
this costs a tenth of that. It knows only what the studio sends.
"""

import asyncio
import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field

# A connection that was kept may have been closed by the server meanwhile.
_GONE = (ConnectionError, asyncio.IncompleteReadError)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


@dataclass
class Line:
    """One connection, kept open as a browser keeps it, and opened again when it was closed."""

    port: int
    headers: dict[str, str] = field(default_factory=dict)
    # How often the server had closed it.
    reopened: int = 0
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.ask("GET", path, b"", headers)

    async def post(self, path: str, body: bytes, **headers: str) -> Answer:
        return await self.ask("POST", path, body, headers)

    async def ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Raises OSError and IncompleteReadError."""
        is_kept = self._writer is not None
        try:
            return await self._ask(head(method, path, {**self.headers, **headers}, body) + body)
        except _GONE:
            self.close()
            if not is_kept:
                raise
        self.reopened += 1
        return await self._ask(head(method, path, {**self.headers, **headers}, body) + body)

    async def _ask(self, request: bytes) -> Answer:
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
        assert self._reader
        self._writer.write(request)
        answer = await read(self._reader)
        if answer.headers.get("connection") == "close":
            self.close()
        return answer

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


def head(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join([*lines, "", ""])).encode()


async def read(reader: asyncio.StreamReader) -> Answer:
    """Raises IncompleteReadError when the server goes away before the end."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(first.split(" ", 2)[1])
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    body = b""
    if status not in (204, 304):
        body = await _body(reader, headers)
    if headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    return Answer(status, headers, body)


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if "chunked" not in headers.get("transfer-encoding", ""):
        return await reader.readexactly(int(headers.get("content-length", 0)))
    parts = []
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return b"".join(parts)
