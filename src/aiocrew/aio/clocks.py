"""Whose time an event loop keeps."""

from __future__ import annotations

import asyncio

__all__ = ["keeps_system_time"]

_LIKE_THE_SYSTEM = frozenset({"uvloop", "winloop"})
"""Their time is the system's, rounded down to when the loop last looked at it: within one pass it stands."""


def keeps_system_time(loop: asyncio.AbstractEventLoop) -> bool:
    """Return whether the time of `loop` is that of `time.monotonic`, which is quicker to ask and exact."""
    if getattr(loop.time, "__func__", None) is asyncio.BaseEventLoop.time:
        return True
    return type(loop).__module__.partition(".")[0] in _LIKE_THE_SYSTEM
