"""The synchronous doors: what they do inside a running event loop, and what they say about it."""

from __future__ import annotations

import asyncio
import sys
import warnings
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any, TypeVar

from aiocrew.aio.door import loop_is_running, run_sync
from aiocrew.aio.runtime import local_runtime
from aiocrew.types.blueprint import AiocrewWarning
from aiocrew.types.context import Readers, everywhere
from aiocrew.types.events import LoopBlocked
from aiocrew.types.paths import ROOT
from aiocrew.types.places import PACKAGE

__all__ = ["BlockingKickoffWarning", "run_blocking"]

T = TypeVar("T")


class BlockingKickoffWarning(AiocrewWarning):
    """A synchronous door was used inside a running event loop and blocks it."""


_warned_at: set[tuple[str, int]] = set()


def run_blocking(door: str, main: Callable[[], Coroutine[Any, Any, T]], *, instead: str) -> T:
    """Return what the coroutine `main()` gives, for the public method named `door` that calls this.

    The line that blocks a running loop is told once, and that `instead` had better stand there.
    """
    if not loop_is_running():
        return run_sync(main)
    caller, depth = _caller()
    place = caller.f_code.co_filename, caller.f_lineno
    if place not in _warned_at:
        _warned_at.add(place)
        warnings.warn(
            f"{place[0]}:{place[1]}: {door}() inside a running event loop blocks everything else on that loop until "
            f"the run is done. Write `await {instead}(...)` there.",
            BlockingKickoffWarning,
            stacklevel=depth + 1,
        )
    clock = asyncio.get_running_loop().time
    began_s = clock()
    try:
        return run_sync(main)
    finally:
        _tell_blocked(door, *place, caller.f_code.co_name, began_s, clock())


def _caller() -> tuple[FrameType, int]:
    """Return the frame outside that called a door, and how many frames above `run_blocking` it is."""
    caller, depth = sys._getframe(1), 0  # pyright: ignore[reportPrivateUsage]
    while caller.f_back is not None and caller.f_code.co_filename.startswith(PACKAGE):
        caller, depth = caller.f_back, depth + 1  # one door may lead to another one
    return caller, depth


def _tell_blocked(door: str, file: str, line: int, function: str, began_s: float, ended_s: float) -> None:
    runtime = local_runtime()
    sinks = (*runtime.sinks, *everywhere())
    if sinks:
        wall_s = runtime.clock.wall_s()
        event = LoopBlocked("", ROOT, ended_s, wall_s, ended_s - began_s, file, line, function, door)
        Readers(sinks).emit(event)
