"""Beginning many runs at once without holding up their event loop."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import Final
from weakref import ref

__all__ = ["LONGEST_S", "turn_to_begin"]

LONGEST_S: Final = 0.02
"""How long one pass of the loop may begin runs, as long as the observer finds no loop late."""


class _Starts:
    """Those that begin on one loop. Tasks made in one breath (a gather over runs) would all begin in one pass."""

    __slots__ = ("_began_s", "_begun", "_line")

    def __init__(self) -> None:
        self._began_s = 0.0
        """When this pass did."""
        self._begun = 0
        """In this pass."""
        self._line: deque[asyncio.Future[None]] = deque()

    def turn(self, loop: asyncio.AbstractEventLoop) -> asyncio.Future[None] | None:
        """Return what to wait for; None where one may begin now."""
        if not self._begun:
            self._begun, self._began_s = 1, loop.time()
            loop.call_soon(self._next_pass, loop)
            return None
        if not self._line and loop.time() < self._began_s + LONGEST_S:
            self._begun += 1
            return None
        future = loop.create_future()
        self._line.append(future)
        return future

    def _next_pass(self, loop: asyncio.AbstractEventLoop) -> None:
        now_s = loop.time()
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
    def __init__(self) -> None:
        self.loop: ref[asyncio.AbstractEventLoop] | None = None
        """Weak, so that a loop that was closed is let go."""
        self.starts = _Starts()


_of_this_thread = _OfThisThread()


def turn_to_begin(loop: asyncio.AbstractEventLoop) -> asyncio.Future[None] | None:
    """Return what a run that begins on `loop`, the running one, has to wait for first; None where it need not.

    Runs begin in the order in which they asked, for some LONGEST_S in one pass of the loop. Between two passes it
    serves its sockets and timers. On virtual time, which stands meanwhile, all begin at once.
    """
    known = _of_this_thread
    if known.loop is None or known.loop() is not loop:
        known.loop, known.starts = ref(loop), _Starts()
    return known.starts.turn(loop)
