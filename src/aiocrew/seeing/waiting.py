"""What tasks that are suspended wait for: locks and pools, found by looking along their chains of awaits."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any, Final, Literal

import msgspec

from aiocrew.aio.watch import Frame
from aiocrew.seeing.blame import Owner, owner_of
from aiocrew.types.places import PACKAGE

__all__ = ["Waiting", "WaitingLog", "waiting_of"]

_LOCKS: Final = f"{os.sep}asyncio{os.sep}locks.py"
_POOLS: Final = (
    (f"{os.sep}aiohttp{os.sep}connector.py", "_wait_for_available_connection"),
    (f"{os.sep}httpcore{os.sep}_async{os.sep}connection_pool.py", "wait_for_connection"),
    (f"{os.sep}asyncpg{os.sep}pool.py", "_acquire"),
    (f"{os.sep}psycopg_pool{os.sep}pool_async.py", "wait"),
    (f"{os.sep}redis{os.sep}asyncio{os.sep}connection.py", "get_connection"),
)
"""(end of the file's name, function): who is suspended in it waits for a connection of a pool."""
_PAUSE_S: Final = 0.2
"""A wait that was seen again within this time has not ended between."""


_LINKS: Final = (("cr_frame", "cr_await"), ("gi_frame", "gi_yieldfrom"), ("ag_frame", "ag_await"))
"""Of coroutines, generators and async generators: the frame, and what is awaited there."""
_LONGEST: Final = 100
_GRACE: Final = PACKAGE + os.path.join("aio", "grace.py")


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """A stretch in which a task waited, as far as was seen; times are the loop's seconds."""

    kind: Literal["lock", "pool"]
    what: str
    """Of which kind it is, for people: "Semaphore"."""
    frame: Frame
    """The user's line that waits."""
    task: int
    from_s: float
    to_s: float


class _Found(msgspec.Struct, frozen=True):
    kind: Literal["lock", "pool"]
    what: str
    resource: int
    frame: Frame


class WaitingLog:
    """Puts together what was seen of waiting tasks from look to look. It belongs to one loop."""

    def __init__(self) -> None:
        self._open: dict[tuple[int, int], Waiting] = {}
        self._ended: list[Waiting] = []
        self._looked_s: float | None = None

    def look(self, loop: asyncio.AbstractEventLoop, number_of: Callable[[asyncio.Task[Any]], int]) -> None:
        """See which tasks of `loop` wait now."""
        now_s = loop.time()
        began_s = now_s if self._looked_s is None else max(self._looked_s, now_s - _PAUSE_S)
        seen: dict[tuple[int, int], Waiting] = {}
        for task in asyncio.all_tasks(loop):
            found = waiting_of(task)
            if found is None:
                continue
            key = id(task), found.resource
            known = self._open.pop(key, None)
            # It began between the last look and this one.
            from_s = (began_s + now_s) / 2 if known is None else known.from_s
            number = number_of(task) if known is None else known.task
            seen[key] = Waiting(found.kind, found.what, found.frame, number, from_s, now_s)
        self._ended.extend(self._open.values())
        self._open = seen
        self._looked_s = now_s

    def look_once(self, loop: asyncio.AbstractEventLoop, number_of: Callable[[asyncio.Task[Any]], int]) -> None:
        """See which tasks wait, unless that was seen at this very time: for a loop on virtual time, which stands."""
        if self._looked_s != loop.time():
            self.look(loop, number_of)

    def all(self) -> list[Waiting]:
        """Return what was seen, what still goes on included."""
        return [*self._ended, *self._open.values()]


def waiting_of(task: asyncio.Task[Any]) -> _Found | None:
    """Return what `task` waits for, where that is a lock or a pool and a line of the user's is to be named."""
    chain = list(_chain(task.get_coro()))
    if not chain:
        return None
    inner = chain[-1]
    if inner.f_code.co_filename.endswith(_LOCKS):
        return _locked(chain)
    for place in range(len(chain) - 1, -1, -1):
        if _is_pool(chain[place].f_code):
            return _pooled(chain, place)
    return None


def _locked(chain: list[FrameType]) -> _Found | None:
    inner = chain[-1]
    lock = inner.f_locals.get("self")
    if inner.f_code.co_name not in ("acquire", "wait") or not isinstance(lock, asyncio.Lock | asyncio.Semaphore):
        return None
    pool = next((place for place, frame in enumerate(chain) if _is_pool(frame.f_code)), None)
    if pool is not None:
        return _pooled(chain, pool)
    frame = _users_line(chain)
    if frame is None:
        return None
    return _Found("lock", type(lock).__name__, id(lock), frame)


def _pooled(chain: list[FrameType], place: int) -> _Found | None:
    frame, pool = _users_line(chain[: place + 1]), chain[place]
    if frame is None:
        return None
    owner: Any = pool.f_locals.get("self")
    code = pool.f_code
    library = code.co_filename.replace(os.sep, "/").rpartition("site-packages/")[2].split("/")[0]
    return _Found("pool", f"{type(owner).__name__} of {library}", id(owner), frame)


def _users_line(chain: list[FrameType]) -> Frame | None:
    """Return the innermost line of the user's in a chain; None where aiocrew itself awaits what is at its end."""
    for frame in reversed(chain):
        owner = owner_of(frame.f_code.co_filename)
        if owner is Owner.USER:
            code = frame.f_code
            return Frame(code.co_filename, frame.f_lineno or code.co_firstlineno, code.co_name)
        if owner is Owner.OURS:
            return None
    return None


def _is_pool(code: CodeType) -> bool:
    return any(code.co_name == function and code.co_filename.endswith(end) for end, function in _POOLS)


def _chain(awaited: Any) -> Iterator[FrameType]:
    """Give the frames along a chain of awaits, the outermost first."""
    for _ in range(_LONGEST):
        for frame_of, next_of in _LINKS:
            frame = getattr(awaited, frame_of, None)
            if frame is not None:
                yield frame
                awaited = getattr(awaited, next_of)
                if awaited is None and frame.f_code.co_filename == _GRACE:
                    awaited = frame.f_locals.get("work")  # it hands on by itself what its work awaits
                break
        else:
            return
