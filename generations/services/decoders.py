"""Processes that decode and shrink pictures beside the threads that wait for Venice.

Decoding burns CPU and sees hostile bytes: in a process of its own it neither holds the
interpreter lock of sixteen waiting calls nor takes the worker down. The processes start this
module, so it imports nothing that needs Django.

Whoever waits for a picture waits until it was examined; its copies are made after that. The
process that examined it has it at hand still, so both times are asked of the same one.
"""

import atexit
import multiprocessing
import os
import threading
from collections import OrderedDict
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import Any

from generations.services import pixels

# Pictures that a process keeps at hand until their copies are made: 4 MB each, 8 at most.
KEPT, KEPT_PIXELS = 8, 2**21

_lock = threading.Lock()
_running: list["Decoder"] = []


class Decoder:
    """One process, and how many wait for it."""

    def __init__(self) -> None:
        self._pool = _new_process()
        self.waiting = 0

    def ask(self, function: Any, *arguments: Any, is_counted: bool = False) -> Any:
        """Raises BrokenProcessPool when the process died. `is_counted`: by _least_busy already."""
        with _lock:
            self.waiting += not is_counted
        try:
            return self._pool.submit(function, *arguments).result()
        except BrokenProcessPool:
            _drop(self)
            raise
        finally:
            with _lock:
                self.waiting -= 1

    def end(self) -> None:
        self._pool.shutdown(wait=False)


@dataclass(frozen=True, slots=True)
class Examined:
    """A picture that was found good, and who has it at hand: a process, this one (then it is the
    decoded picture), or nobody."""

    picture: pixels.Picture
    at_hand: "Decoder | Any | None"


def examine(data: bytes, expected_format: str, *, key: str, processes: int) -> Examined:
    """`pixels.examine` in one of `processes` processes; 0 does it here. `key`: any name of it.

    Raises pixels.UnusablePicture.
    """
    if not processes:
        return Examined(*pixels.examine(data, expected_format))
    decoder = _least_busy(processes)
    try:
        found = decoder.ask(_examine, key, data, expected_format, is_counted=True)
        return Examined(found, decoder)
    except BrokenProcessPool:
        return _examine_apart(data, expected_format)


def copies(examined: Examined, data: bytes, *, key: str) -> pixels.Copies:
    """The smaller copies of what was examined under that key. Raises pixels.UnusablePicture."""
    decoder, format = examined.at_hand, examined.picture.format
    if isinstance(decoder, Decoder):
        return _copied_by(decoder, data, format, key)
    if decoder is None:
        return _apart(_copies_of, data, format)  # type: ignore[no-any-return]
    return pixels.copies(decoder)


def _copied_by(decoder: Decoder, data: bytes, format: str, key: str) -> pixels.Copies:
    try:
        made = decoder.ask(_copies, key) or decoder.ask(_copies_of, data, format)
    except BrokenProcessPool:
        made = _apart(_copies_of, data, format)
    return made  # type: ignore[no-any-return]


def _examine_apart(data: bytes, expected_format: str) -> Examined:
    # A decoder died, and with it all that it had in hand. The bytes are paid for and still here:
    # look once more, each picture by itself. The one that kills its decoder shows then, and takes
    # no other along.
    return Examined(_apart(_examine, "", data, expected_format), None)


def _apart(function: Any, *arguments: Any) -> Any:
    with _new_process() as process:
        try:
            return process.submit(function, *arguments).result()
        except BrokenProcessPool:
            raise pixels.UnusablePicture("truncated") from None


def close() -> None:
    for decoder in list(_running):
        _drop(decoder)


def _drop(ended: Decoder) -> None:
    """Use it no more. Several threads may find the same one broken; its successor stays."""
    with _lock:
        if ended in _running:
            _running.remove(ended)
    ended.end()


def _least_busy(processes: int) -> Decoder:
    """The one to ask, with whoever asks counted: two at once do not get the same."""
    with _lock:
        while len(_running) < processes:
            _running.append(Decoder())
        chosen = min(_running, key=lambda decoder: decoder.waiting)
        chosen.waiting += 1
        return chosen


# --- in the process ---------------------------------------------------------------------------

_kept: OrderedDict[str, Any] = OrderedDict()


def _examine(key: str, data: bytes, expected_format: str) -> pixels.Picture:
    picture, small = pixels.examine(data, expected_format)
    if small.width * small.height <= KEPT_PIXELS:
        _kept[key] = small
    while len(_kept) > KEPT:
        _kept.popitem(last=False)
    return picture


def _copies(key: str) -> pixels.Copies | None:
    """None when it is not at hand any more."""
    small = _kept.pop(key, None)
    return small and pixels.copies(small)


def _copies_of(data: bytes, format: str) -> pixels.Copies:
    return pixels.copies(pixels.examine(data, format)[1])


def _new_process() -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=context, initializer=_begin)


def _begin() -> None:
    # Ctrl-C and `kill` reach a whole group; the worker decides when its decoders end. They must
    # not ignore SIGTERM: with it the pool ends the rest when one has died, and waits for them.
    os.setpgid(0, 0)
    # Pages and calls go first: a picture that is shrunk a moment later keeps nobody waiting.
    os.nice(5)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    # Without this a worker that is killed with SIGKILL leaves its decoders behind for ever.
    parent.join()
    os._exit(0)


atexit.register(close)
