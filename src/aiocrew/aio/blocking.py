"""The synchronous doors: what they do inside a running event loop, and what they say about it."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from aiocrew.aio.door import loop_is_running, run_sync
from aiocrew.types.blueprint import AiocrewWarning

__all__ = ["BlockingKickoffWarning", "run_blocking"]

T = TypeVar("T")


class BlockingKickoffWarning(AiocrewWarning):
    """A synchronous door was used inside a running event loop and blocks it."""


_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep
_warned_at: set[tuple[str, int]] = set()


def run_blocking(door: str, main: Callable[[], Coroutine[Any, Any, T]], *, instead: str) -> T:
    """Return what the coroutine `main()` gives, for the public method named `door` that calls this.

    The line that blocks a running loop is told once, and that `instead` had better stand there.
    """
    if loop_is_running():
        _warn(door, instead)
    return run_sync(main)


def _warn(door: str, instead: str) -> None:
    caller, depth = sys._getframe(1), 1  # pyright: ignore[reportPrivateUsage]
    while caller.f_back is not None and caller.f_code.co_filename.startswith(_PACKAGE):
        caller, depth = caller.f_back, depth + 1  # one door may lead to another one
    place = (caller.f_code.co_filename, caller.f_lineno)
    if place in _warned_at:
        return
    _warned_at.add(place)
    warnings.warn(
        f"{place[0]}:{place[1]}: {door}() inside a running event loop blocks everything else on that loop until the "
        f"run is done. Write `await {instead}(...)` there.",
        BlockingKickoffWarning,
        stacklevel=depth + 1,
    )
