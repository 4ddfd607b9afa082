"""Two small servers for benchmarks/gateway.py, in processes of their own.

`upstream` answers image requests of both dialects with one picture, after so many milliseconds,
and everything else as the stand-in does. `through` sends a request on and its answer back: what a
gateway costs that does nothing at all.
"""

import argparse
import asyncio
import base64
import json
import urllib.error
import urllib.request
from pathlib import Path


class Upstream:
    def __init__(self, picture: bytes, latency: float, standin: str) -> None:
        self._latency, self._standin = latency, standin.removesuffix("/api/v1")
        self._binary = _answer("image/png", picture)
        encoded = base64.b64encode(picture).decode()
        told = {"created": 1_760_000_000, "data": [{"b64_json": encoded}]}
        self._openai = _answer("application/json", json.dumps(told).encode())

    async def answer(self, head: bytes, body: bytes) -> bytes:
        method, path, _ = head.split(b" ", 2)
        if method == b"POST" and path.startswith((b"/v1/images", b"/api/v1/image/generate")):
            await asyncio.sleep(self._latency)
            return self._openai if path.startswith(b"/v1/") else self._binary
        return await asyncio.to_thread(self._asked, path.decode(), head)

    def _asked(self, path: str, head: bytes) -> bytes:
        lines = [line.partition(b": ") for line in head.split(b"\r\n")[1:]]
        named = {name.lower(): value.decode() for name, _, value in lines}
        request = urllib.request.Request(self._standin + path)
        request.add_header("authorization", named.get(b"authorization", ""))
        try:
            with urllib.request.urlopen(request) as came:
                return _answer("application/json", came.read())
        except urllib.error.HTTPError as error:
            return _answer("application/json", error.read(), status=error.code)


class Through:
    """One connection there for each connection here, and bytes both ways."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._port, limit=2**22)
        await asyncio.gather(_pump(reader, back), _pump(there, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(2**18):
        writer.write(chunk)
        await writer.drain()
    writer.close()


def _answer(kind: str, body: bytes, status: int = 200) -> bytes:
    head = f"HTTP/1.1 {status} OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def _talk(
    upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = 0
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            writer.write(await upstream.answer(head, await reader.readexactly(length)))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("upstream", "through"))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--standin", default="")
    parser.add_argument("--to", type=int, default=0)
    options = parser.parse_args()
    if options.what == "through":
        serve = Through(options.to).serve
    else:
        made = Upstream(options.picture.read_bytes(), options.latency, options.standin)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await _talk(made, reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", options.port, backlog=512)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
