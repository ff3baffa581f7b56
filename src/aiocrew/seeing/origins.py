"""Which line made a task: seen by standing in for the event loop's own create_task for a while.

A run in a task of its own (`asyncio.gather(...)`, `create_task(...)`) has no caller on its stack.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from asyncio.base_events import BaseEventLoop
from collections.abc import Callable
from types import CodeType
from typing import Any, Final, NamedTuple

from aiocrew.aio.watch import Frame
from aiocrew.seeing.blame import Owner, owner_of, runs_the_loop

__all__ = ["Origin", "OriginWatch"]

_create_task: Final[Callable[..., Any]] = BaseEventLoop.create_task
_MOST_FRAMES: Final = 40
_lock = threading.Lock()
_watches: list[OriginWatch] = []


class Origin(NamedTuple):
    """Where a task was made."""

    code: CodeType
    line: int
    maker: int
    """The id of the task that made it, 0 where none did."""

    @property
    def frame(self) -> Frame:
        """The user's line."""
        return Frame(self.code.co_filename, self.line, self.code.co_name)


class OriginWatch:
    """Notes where tasks are made on asyncio's own event loops, from `start` to `stop`."""

    def __init__(self) -> None:
        # By id: weak references would cost more than all the rest. Each new task writes over what an old one left.
        self._origins: dict[int, Origin | None] = {}

    def of(self, task: Any) -> Origin | None:
        """Return where `task` was made; None where nobody saw it, or no line of the user's made it."""
        return self._origins.get(id(task))

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

    def note(self, task: Any, origin: Origin | None) -> None:
        """Note where `task` was made."""
        self._origins[id(task)] = origin


def _noted(self: BaseEventLoop, coro: Any, **kwargs: Any) -> Any:
    """Make a task, as BaseEventLoop.create_task does."""
    task = _create_task(self, coro, **kwargs)
    origin = _origin(self)
    for watch in tuple(_watches):
        watch.note(task, origin)
    return task


def _origin(loop: asyncio.AbstractEventLoop) -> Origin | None:
    frame = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
    for _ in range(_MOST_FRAMES):
        code = frame.f_code
        if owner_of(code.co_filename) is Owner.USER:
            maker = asyncio.current_task(loop) if loop.is_running() else None
            return Origin(code, frame.f_lineno, 0 if maker is None else id(maker))
        outer = frame.f_back
        if outer is None or runs_the_loop(code.co_filename, code.co_name):
            return None
        frame = outer
    return None
