"""Processes that decode and shrink pictures beside the threads that wait for Venice.

Decoding burns CPU and sees hostile bytes: in a process of its own it neither holds the
interpreter lock of sixteen waiting calls nor takes the worker down. The processes start this
module, so it imports nothing that needs Django.
"""

import atexit
import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess

from generations.services import pixels

_lock = threading.Lock()
_pool: ProcessPoolExecutor | None = None


def examine(data: bytes, expected_format: str, *, processes: int) -> pixels.Picture:
    """`pixels.examine` in one of `processes` processes; 0 does it here."""
    if not processes:
        return pixels.examine(data, expected_format)
    pool = _running(processes)
    try:
        return pool.submit(pixels.examine, data, expected_format).result()
    except BrokenProcessPool:
        _drop(pool)
    return _examine_apart(data, expected_format)


def _examine_apart(data: bytes, expected_format: str) -> pixels.Picture:
    # A decoder died, and with it all that its pool had in hand. The bytes are paid for and still
    # here: look once more, each picture by itself. The one that kills its decoder shows then,
    # and takes no other along.
    with _new_pool(1) as pool:
        try:
            return pool.submit(pixels.examine, data, expected_format).result()
        except BrokenProcessPool:
            raise pixels.UnusablePicture("truncated") from None


def close() -> None:
    if _pool is not None:
        _drop(_pool)


def _drop(ended: ProcessPoolExecutor) -> None:
    """Use it no more. Several threads may find the same pool broken; its successor stays."""
    global _pool
    with _lock:
        if _pool is ended:
            _pool = None
    ended.shutdown(wait=False)


def _running(processes: int) -> ProcessPoolExecutor:
    global _pool
    with _lock:
        if _pool is None:
            _pool = _new_pool(processes)
        return _pool


def _new_pool(processes: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(processes, mp_context=context, initializer=_begin)


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
