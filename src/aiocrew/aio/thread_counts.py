"""How many threads an event loop waits for: a loop on virtual time may not jump ahead of them."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["ThreadCount", "awaiting_thread", "thread_count"]

_ATTRIBUTE = "aiocrew_threads"


class ThreadCount:
    """Belongs to one loop, and is changed in that loop's thread only."""

    __slots__ = ("awaited",)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.awaited = 0
        setattr(loop, _ATTRIBUTE, self)


def thread_count(loop: asyncio.AbstractEventLoop) -> ThreadCount | None:
    """Return the count of `loop`; None where nobody counts, as on any loop in real time."""
    return getattr(loop, _ATTRIBUTE, None)


@contextmanager
def awaiting_thread(loop: asyncio.AbstractEventLoop) -> Generator[None]:
    """Let `loop`, which is the running one, know that it waits for a thread in this block."""
    threads = thread_count(loop)
    if threads is None:
        yield
        return
    threads.awaited += 1
    try:
        yield
    finally:
        threads.awaited -= 1
