"""The connection pools that are known: where one waits in them, and how many connections they have."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from types import CodeType, FrameType
from typing import Any, Final, NamedTuple

__all__ = ["PoolWait", "pool_wait_in"]


class _Place(NamedTuple):
    """A function, by the end of its file's name."""

    file: str
    function: str


class _Known(NamedTuple):
    """A kind of pool. Whoever is in `waits`, called by the pool's own `method`, waits for a connection."""

    library: str
    method: _Place
    waits: _Place
    size: tuple[str, ...]
    """Attributes or methods that add up to how many connections it has at most."""
    unless: str = ""
    """An attribute that makes that number another one."""
    number: str = ""
    """How many it has now, where it opens a further one when one waits: then nobody has to give his back."""


def _in_library(*parts: str) -> str:
    return os.sep + os.path.join(*parts)


def _httpcore(library: str) -> _Known:
    file = _in_library(library, "_async", "connection_pool.py")
    return _Known(
        library, _Place(file, "handle_async_request"), _Place(file, "wait_for_connection"), ("_max_connections",)
    )


_AIOHTTP: Final = _Place(_in_library("aiohttp", "connector.py"), "_wait_for_available_connection")
_PSYCOPG: Final = _in_library("psycopg_pool", "pool_async.py")
_KNOWN: Final = (
    _Known("aiohttp", _AIOHTTP, _AIOHTTP, ("limit",), unless="limit_per_host"),
    _httpcore("httpcore"),
    _httpcore("httpcore2"),
    _Known(
        "asyncpg",
        _Place(_in_library("asyncpg", "pool.py"), "_acquire"),
        _Place(_in_library("asyncio", "queues.py"), "get"),
        ("get_max_size",),
    ),
    _Known(
        "psycopg_pool",
        _Place(_PSYCOPG, "_getconn_unchecked"),
        _Place(_PSYCOPG, "wait"),
        ("max_size",),
        number="_nconns",
    ),
    _Known(
        "redis",
        _Place(_in_library("redis", "asyncio", "connection.py"), "get_connection"),
        _Place(_in_library("asyncio", "locks.py"), "wait_for"),
        ("max_connections",),
    ),
    _Known(
        "sqlalchemy",
        _Place(_in_library("sqlalchemy", "pool", "impl.py"), "_do_get"),
        _Place(_in_library("sqlalchemy", "util", "queue.py"), "get"),
        ("size", "_max_overflow"),
    ),
)


class PoolWait(NamedTuple):
    """A wait for a connection."""

    place: int
    """Which frame of the chain is the pool's."""
    pool: int
    """The pool's id."""
    what: str
    """What is waited for, in words."""


def pool_wait_in(frames: Sequence[FrameType]) -> PoolWait | None:
    """Return which pool's connection is waited for at the end of a chain of awaits; None where none is."""
    for place in range(len(frames) - 1, -1, -1):
        known = _pool_of(frames[place].f_code)
        if known is not None and any(_is_at(frame.f_code, known.waits) for frame in frames[place:]):
            return _wait(known, place, frames[place].f_locals.get("self"))
    return None


def _wait(known: _Known, place: int, pool: Any) -> PoolWait | None:
    numbers = [_number(pool, name) for name in known.size]
    size = 0 if None in numbers or _number(pool, known.unless) else sum(number or 0 for number in numbers)
    if (_number(pool, known.number) or size) < size:
        return None
    which = "the one connection" if size == 1 else f"one of the {size} connections" if size > 0 else "a connection"
    return PoolWait(place, id(pool), f"{which} of {known.library}'s {type(pool).__name__}")


def _number(pool: Any, name: str) -> int | None:
    """Return a number that a pool says; None where this version of its library says none."""
    said: Any = getattr(pool, name, None) if name else None
    if callable(said):
        said = said()
    return said if isinstance(said, int) else None


def _is_at(code: CodeType, place: _Place) -> bool:
    return code.co_name == place.function and code.co_filename.endswith(place.file)


@lru_cache(maxsize=4096)
def _known_in(file: str) -> tuple[_Known, ...]:
    return tuple(known for known in _KNOWN if file.endswith(known.method.file))


def _pool_of(code: CodeType) -> _Known | None:
    return next((known for known in _known_in(code.co_filename) if code.co_name == known.method.function), None)
