"""An end to a call that neither answers nor breaks.

httpx's limits are for each wait on the network: a server that sends one byte every few seconds
never exceeds them. So a timer closes the socket under the call when its whole time is over.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

# Lets the ordinary limits speak first: their errors say what was waited for.
GRACE = 0.25


class Cutoff:
    """Watches the one connection of a client that is used by one thread at a time."""

    def __init__(self) -> None:
        self._stream: Any = None

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """httpcore's trace extension: remembers the newest connection."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._stream = info["return_value"]

    @contextlib.contextmanager
    def after(self, seconds: float) -> Iterator[None]:
        timer = threading.Timer(seconds + GRACE, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cut(self) -> None:
        if self._stream is None:
            return
        with contextlib.suppress(OSError):
            # Not SSLSocket.shutdown: that one takes the TLS state away from the reading thread.
            open_socket = self._stream.get_extra_info("socket")
            socket.socket.shutdown(open_socket, socket.SHUT_RDWR)
