"""Beginning many runs at once without holding up their event loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from typing import Final
from weakref import ref

from aiocrew.aio.clocks import keeps_system_time

__all__ = ["LONGEST_S", "turn_to_begin"]

LONGEST_S: Final = 0.02
"""How long one pass of the loop may begin runs, as long as the observer finds no loop late."""


class _Starts:
    """Those that begin on one loop. Tasks made in one breath (a gather over runs) would all begin in one pass."""

    __slots__ = ("_began_s", "_begun", "_is_real", "_line")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._is_real = keeps_system_time(loop)
        self._began_s = 0.0
        """When this pass did."""
        self._begun = 0
        """In this pass."""
        self._line: deque[asyncio.Future[None]] = deque()

    def turn(self, loop: asyncio.AbstractEventLoop) -> asyncio.Future[None] | None:
        """Return what to wait for; None where one may begin now."""
        if not self._begun:
            self._begun, self._began_s = 1, self._now_s(loop)
            loop.call_soon(self._next_pass, loop)
            return None
        if not self._line and self._now_s(loop) < self._began_s + LONGEST_S:
            self._begun += 1
            return None
        future = loop.create_future()
        self._line.append(future)
        return future

    def _now_s(self, loop: asyncio.AbstractEventLoop) -> float:
        return time.monotonic() if self._is_real else loop.time()

    def _next_pass(self, loop: asyncio.AbstractEventLoop) -> None:
        now_s = self._now_s(loop)
        took_s = now_s - self._began_s
        # The time of those that are woken now passes later: as many as the last pass showed to be right. Up to twice as
        # many where there was time left: one slow pass (a first run, which loads much) says little of the next ones.
        most = max(1, round(self._begun * LONGEST_S / max(took_s, LONGEST_S / 2)))
        self._begun, self._began_s = 0, now_s
        while self._line and self._begun < most:
            future = self._line.popleft()
            if not future.done():  # nobody waits for one that was cancelled
                future.set_result(None)
                self._begun += 1
        if self._begun:
            loop.call_soon(self._next_pass, loop)


class _OfThisThread(threading.local):
    known: tuple[ref[asyncio.AbstractEventLoop], _Starts] | None = None
    """The loop that runs here, weakly, so that it is let go when it was closed."""


_of_this_thread = _OfThisThread()


def turn_to_begin(loop: asyncio.AbstractEventLoop) -> asyncio.Future[None] | None:
    """Return what a run that begins on `loop`, the running one, has to wait for first; None where it need not.

    Runs begin in the order in which they asked, for some LONGEST_S in one pass of the loop. Between two passes it
    serves its sockets and timers. On virtual time, which stands meanwhile, all begin at once.
    """
    known = _of_this_thread.known
    if known is None or known[0]() is not loop:
        known = _of_this_thread.known = (ref(loop), _Starts(loop))
    return known[1].turn(loop)
