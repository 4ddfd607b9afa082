"""The stand-in on a real socket: threads, keep-alive, and connections that truly break."""

from __future__ import annotations

import contextlib
import io
import socket
import struct
import sys
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from urllib.parse import unquote

from .answers import LineCut

WSGIApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Server(ThreadingMixIn, TCPServer):
    """One daemon thread for each connection; `server_port` is the port in use."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], app: WSGIApp) -> None:
        super().__init__(address, Handler)
        self.app = app
        self.server_port: int = self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are everyday here; a fault of our own is told in full."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 75
    server: Server

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            for chunk in self.server.app(self._environ(body), self._begin):
                self.wfile.write(chunk)
            self.wfile.flush()
        except LineCut:
            self.wfile.flush()
            self._reset()
        except OSError:
            self.close_connection = True

    def _begin(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def _environ(self, body: bytes) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        named = {f"HTTP_{k.upper().replace('-', '_')}": v for k, v in self.headers.items()}
        return named | {
            "REQUEST_METHOD": self.command,
            "PATH_INFO": unquote(path),
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
        }

    def _reset(self) -> None:
        """Close with RST: lingering for 0 s throws away what the other side has not read."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the ledger is the log, and request lines would drown that of `up`."""


def serve(app: WSGIApp, host: str = "127.0.0.1", port: int = 0) -> Server:
    """A bound, threaded HTTP/1.1 server; port 0 takes a free one. Call `serve_forever()`."""
    return Server((host, port), app)
