"""What the lines of the log are about: the request, the job and the call that is being worked on.

The filter is wired in the settings, before any model can be imported: nothing of ours stands here.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_NOTHING: Mapping[str, str] = MappingProxyType({})
_ids: ContextVar[Mapping[str, str]] = ContextVar("trail", default=_NOTHING)


def begin(**ids: object) -> None:
    """From here on these ids, and no others: for a request, whose context ends with it. Django
    writes of an answer that is an error when all middleware is done."""
    _ids.set({name: str(value) for name, value in ids.items()})


@contextmanager
def of(**ids: object) -> Iterator[None]:
    """Within this, every line of this thread carries these ids, beside those it carries already."""
    before = _ids.set({**_ids.get(), **{name: str(value) for name, value in ids.items()}})
    try:
        yield
    finally:
        _ids.reset(before)


def of_call(work: Callable[P, T]) -> Callable[P, T]:
    """For what is done about a call: its first argument is the call, or has one as `call`."""

    @wraps(work)
    def trailed(*args: P.args, **kwargs: P.kwargs) -> T:
        first: Any = args[0]
        call = getattr(first, "call", first)
        with of(generation=call.generation_id, call=call.pk):
            return work(*args, **kwargs)

    return trailed


class Filter(logging.Filter):
    """Puts the ids on each record, where the formatter finds them."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.trail = _ids.get()
        return True
