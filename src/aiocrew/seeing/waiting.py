"""What tasks that are suspended wait for: locks and pools, found by looking along their chains of awaits."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, Final, Literal

import msgspec

from aiocrew.aio.watch import Frame
from aiocrew.seeing.blame import Owner, owner_of
from aiocrew.seeing.chains import Chain
from aiocrew.seeing.pools import pool_wait_in

__all__ = ["Waiting", "WaitingLog", "waiting_of"]

_LOCKS: Final = f"{os.sep}asyncio{os.sep}locks.py"
_ANYIO: Final = f"{os.sep}anyio{os.sep}_backends{os.sep}_asyncio.py"
_ANYIO_LOCKS: Final = frozenset({"Lock", "Semaphore", "CapacityLimiter"})
_TO_THREAD: Final = "run_sync_in_worker_thread"
_ACQUIRE: Final = frozenset({"acquire", "acquire_on_behalf_of"})
_ENTERED: Final = frozenset({"__aenter__", *_ACQUIRE})
"""A lock's own ways in, which are no use of it by its library."""
_PAUSE_S: Final = 0.2
"""A wait that was seen again within this time has not ended between."""


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """A stretch in which a task waited, as far as was seen; times are the loop's seconds."""

    kind: Literal["lock", "pool", "threads"]
    what: str
    """What is waited for, for people: "Semaphore", "the one connection of asyncpg's Pool", "40 threads of ..."."""
    frame: Frame
    """The user's line that waits."""
    task: int
    from_s: float
    to_s: float


class _Found(msgspec.Struct, frozen=True):
    kind: Literal["lock", "pool", "threads"]
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
        for task, found in _all_waiting(loop):
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


def _all_waiting(loop: asyncio.AbstractEventLoop) -> list[tuple[asyncio.Task[Any], _Found]]:
    """Return the tasks that wait, and for what; of one that waits for another one, only the former."""
    chains = {task: Chain(task) for task in asyncio.all_tasks(loop)}
    inner = {task for chain in chains.values() for task in chain.through}
    waiting = ((task, waiting_of(chain)) for task, chain in chains.items() if task not in inner)
    return [(task, found) for task, found in waiting if found is not None]


def waiting_of(chain: Chain) -> _Found | None:
    """Return what a task waits for, where that is a lock or a pool and a line of the user's is to be named."""
    frames = chain.frames
    pooled = pool_wait_in(frames)
    if pooled is not None:
        frame = _users_line(frames[: pooled.place + 1])
        return None if frame is None else _Found("pool", pooled.what, pooled.pool, frame)
    place = _place_of_lock(frames)
    frame = None if place is None else _users_line(frames)
    if place is None or frame is None:
        return None
    lock: Any = frames[place].f_locals.get("self")
    if any(part.f_code.co_name == _TO_THREAD and part.f_code.co_filename.endswith(_ANYIO) for part in frames):
        return _Found("threads", f"{getattr(lock, 'total_tokens', 'few')} threads of anyio.to_thread", id(lock), frame)
    return _Found("lock", type(lock).__name__ + _inside(frames, place), id(lock), frame)


def _place_of_lock(frames: Sequence[FrameType]) -> int | None:
    """Return which frame is that of a lock which is waited for, the outermost of its own; None where none is."""
    if not frames:
        return None
    inner = frames[-1].f_code
    if inner.co_filename.endswith(_LOCKS) and inner.co_name == "acquire":
        is_lock = isinstance(frames[-1].f_locals.get("self"), asyncio.Lock | asyncio.Semaphore)
        return len(frames) - 1 if is_lock else None
    # anyio's limiter waits for an event of asyncio's
    for place in range(len(frames) - 1, max(-1, len(frames) - 3), -1):
        code = frames[place].f_code
        if code.co_filename.endswith(_ANYIO) and code.co_name in _ACQUIRE:
            is_lock = type(frames[place].f_locals.get("self")).__name__ in _ANYIO_LOCKS
            return place if is_lock else None
    return None


def _inside(frames: Sequence[FrameType], place: int) -> str:
    """Return " inside <library>" where it is a library that uses the lock."""
    for frame in reversed(frames[:place]):
        file = frame.f_code.co_filename
        owner = owner_of(file)
        if owner is Owner.LIBRARY and frame.f_code.co_name not in _ENTERED:
            library = file.replace(os.sep, "/").rpartition("-packages/")[2].split("/")[0]
            return f" inside {library.removesuffix('.py')}"
        if owner is Owner.USER:
            break
    return ""


def _users_line(chain: Sequence[FrameType]) -> Frame | None:
    """Return the innermost line of the user's in a chain; None where aiocrew itself awaits what is at its end."""
    for frame in reversed(chain):
        owner = owner_of(frame.f_code.co_filename)
        if owner is Owner.USER:
            code = frame.f_code
            return Frame(code.co_filename, frame.f_lineno or code.co_firstlineno, code.co_name)
        if owner is Owner.OURS:
            return None
    return None
