"""What a suspended task waits in: the frames along its chain of awaits."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Iterator
from types import FrameType
from typing import Any, Final, cast

from aiocrew.types.places import PACKAGE

__all__ = ["Chain"]

_LINKS: Final = (("cr_frame", "cr_await"), ("gi_frame", "gi_yieldfrom"), ("ag_frame", "ag_await"))
"""Of coroutines, generators and async generators: the frame, and what is awaited there."""
_WRAPPERS: Final = frozenset(
    {"async_generator_asend", "async_generator_athrow", "anext_awaitable", "coroutine_wrapper"}
)
"""What stands for a generator or a coroutine, and has no attribute that leads to it."""
_LONGEST: Final = 100
_GRACE: Final = PACKAGE + os.path.join("aio", "grace.py")
_TASKS: Final = f"{os.sep}asyncio{os.sep}tasks.py"


class Chain:
    """The frames along a task's chain of awaits, the outermost first, as they are now.

    Where synchronous code awaits by way of a greenlet, as SQLAlchemy's does, its frames stand in the chain too.
    """

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self.through: list[asyncio.Task[Any]] = []
        """The tasks in which the chain goes on: those that `asyncio.wait_for` makes."""
        self.frames: list[FrameType] = list(self._along(task.get_coro()))

    def _along(self, awaited: Any) -> Iterator[FrameType]:
        for _ in range(_LONGEST):
            for frame_of, next_of in _LINKS:
                frame = getattr(awaited, frame_of, None)
                if frame is not None:
                    yield frame
                    awaited = self._beyond(frame, getattr(awaited, next_of))
                    if frame.f_code.co_name == "greenlet_spawn":
                        yield from _in_greenlet(frame)
                    break
            else:
                awaited = _wrapped(awaited)
                if awaited is None:
                    return

    def _beyond(self, frame: FrameType, awaited: Any) -> Any:
        """Return what is awaited in `frame`, where its own word for it leads no further."""
        code = frame.f_code
        if awaited is None and code.co_filename == _GRACE:
            return frame.f_locals.get("work")  # it hands on by itself what its work awaits
        # Until Python 3.12 it made a task of what it waits for.
        if code.co_name == "wait_for" and code.co_filename.endswith(_TASKS) and not hasattr(awaited, "cr_frame"):
            inner: Any = frame.f_locals.get("fut")
            if isinstance(inner, asyncio.Task):
                self.through.append(cast("asyncio.Task[Any]", inner))
                return cast("asyncio.Task[Any]", inner).get_coro()
        return awaited


def _wrapped(awaited: Any) -> Any:
    """Return the coroutine or generator for which `awaited` stands; None where it is none of Python's wrappers."""
    if type(awaited).__name__ not in _WRAPPERS:
        return None
    return next((held for held in gc.get_referents(awaited) if _leads_on(held)), None)


def _leads_on(held: Any) -> bool:
    return type(held).__name__ in _WRAPPERS or any(hasattr(held, frame_of) for frame_of, _ in _LINKS)


def _in_greenlet(spawning: FrameType) -> list[FrameType]:
    """Return the frames of the greenlet that the coroutine `spawning` carries out, the outermost first."""
    frame: FrameType | None = getattr(spawning.f_locals.get("context"), "gr_frame", None)
    frames: list[FrameType] = []
    while frame is not None and len(frames) < _LONGEST:
        frames.append(frame)
        frame = frame.f_back
    return frames[::-1]
