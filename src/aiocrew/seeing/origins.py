"""Which line made a task: seen by standing in for the event loop's own create_task for a while.

A run in a task of its own (`asyncio.gather(...)`, `create_task(...)`) has no caller on its stack.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from asyncio.base_events import BaseEventLoop
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakKeyDictionary

import msgspec

from aiocrew.aio.watch import Frame
from aiocrew.seeing.blame import Owner, owner_of, runs_the_loop

__all__ = ["Origin", "OriginWatch"]

_create_task: Final[Callable[..., Any]] = BaseEventLoop.create_task
_MOST_FRAMES: Final = 40
_lock = threading.Lock()
_watches: list[OriginWatch] = []


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Where a task was made."""

    frame: Frame
    """The user's line."""
    maker: int
    """The id of the task that made it, 0 where none did."""


class OriginWatch:
    """Notes where tasks are made on asyncio's own event loops, from `start` to `stop`."""

    def __init__(self) -> None:
        self._origins: WeakKeyDictionary[Any, Origin] = WeakKeyDictionary()

    def of(self, task: Any) -> Origin | None:
        """Return where `task` was made; None where nobody saw it, or no line of the user's made it."""
        return self._origins.get(task)

    def start(self) -> None:
        """Begin to note."""
        with _lock:
            _watches.append(self)
            BaseEventLoop.create_task = _noted

    def stop(self) -> None:
        """Note no more; the last to stop puts the loop's own method back."""
        with _lock:
            _watches.remove(self)
            if not _watches:
                BaseEventLoop.create_task = _create_task

    def note(self, task: Any, origin: Origin) -> None:
        """Note where `task` was made."""
        self._origins[task] = origin


def _noted(self: BaseEventLoop, coro: Any, **kwargs: Any) -> Any:
    """Make a task, as BaseEventLoop.create_task does."""
    task = _create_task(self, coro, **kwargs)
    origin = _origin(self)
    if origin is not None:
        for watch in tuple(_watches):
            watch.note(task, origin)
    return task


def _origin(loop: asyncio.AbstractEventLoop) -> Origin | None:
    frame = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
    for _ in range(_MOST_FRAMES):
        code = frame.f_code
        if owner_of(code.co_filename) is Owner.USER:
            maker = asyncio.current_task(loop) if loop.is_running() else None
            return Origin(Frame(code.co_filename, frame.f_lineno, code.co_name), 0 if maker is None else id(maker))
        outer = frame.f_back
        if outer is None or runs_the_loop(code.co_filename, code.co_name):
            return None
        frame = outer
    return None
