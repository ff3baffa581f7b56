"""One thing after another on the terminal, written by a thread of its own: whoever reads slowly holds up no loop."""

from __future__ import annotations

import atexit
import os
import threading
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from aiocrew.aio.pool import start_thread

__all__ = ["DESK", "Desk", "Writing"]

_MOST_WAITING = 10_000
_PATIENCE_S = 0.25
"""It may be an event loop that waits."""
_AT_EXIT_S = 3.0
"""On a busy machine it may take as long until rich is loaded."""
_AT_EXIT_TIMES = 10

Writing: TypeAlias = Callable[[int], None]
"""Writes one thing; it is told how many were left out before it, because too many waited."""


class Hold:
    """While it is there, nothing is written behind what was written with it."""

    __slots__ = ("released",)

    def __init__(self) -> None:
        self.released = False


class Desk:
    """Takes what is to be written, from any thread and at once, and has it written in that order.

    A thread works as long as there is something to write, and ends.
    """

    def __init__(self, most_waiting: int = _MOST_WAITING, patience_s: float = _PATIENCE_S) -> None:
        self._most_waiting = most_waiting
        self.patience_s = patience_s
        """How long `wait_written` waits at most."""
        self.forget()

    def forget(self) -> None:
        """Begin anew, with nothing to write: in a forked child no thread is left that would."""
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Writing, int, Hold | None]] = deque()
        self._left_out = 0
        self._written = 0
        self._writing = False
        self._hold: Hold | None = None
        self._lags = False

    def put(self, writing: Writing, *, needed: bool = False) -> None:
        """Have `writing` called after all that was put before; left out where 10,000 wait, or 100,000 if `needed`."""
        most = self._most_waiting * (10 if needed else 1)
        with self._changed:
            if len(self._waiting) >= most:
                self._left_out += 1
                return
            self._waiting.append((writing, self._left_out, None))
            self._left_out = 0
        self._write()

    def hold_behind(self, writing: Writing) -> Hold:
        """Have `writing` called in its turn, and nothing after it before the hold is released."""
        hold = Hold()
        with self._changed:
            self._waiting.append((writing, 0, hold))
        self._write()
        return hold

    def release(self, hold: Hold, then: Writing | None = None) -> None:
        """Go on behind `hold`, with `then` first. A second time does nothing."""
        with self._changed:
            hold.released = True
            if self._hold is not hold:
                return
            self._hold = None
            if then is not None:
                self._waiting.appendleft((then, 0, None))
        self._write()

    def wait_written(self) -> None:
        """Return when all is written, when a hold stands in the way, or after `patience_s`.

        Where that was not enough nobody waits any more, until all was written once.
        """
        with self._changed:
            if not self._lags:
                self._lags = not self._changed.wait_for(self._is_still, self.patience_s)

    def wait_at_exit(self) -> None:
        """Return when all is written, when three seconds brought nothing further, or after thirty."""
        with self._changed:
            for _ in range(_AT_EXIT_TIMES):
                before = self._written
                if self._changed.wait_for(self._is_still, _AT_EXIT_S) or self._written == before:
                    return

    def _is_still(self) -> bool:
        return not self._writing and (not self._waiting or self._hold is not None)

    def _write(self) -> None:
        with self._changed:
            if self._writing or self._hold is not None or not self._waiting:
                return
            self._writing = True
        try:
            start_thread(self._write_all)
        except RuntimeError:  # the system gives no more threads, or the interpreter is about to end
            self._write_all()

    def _write_all(self) -> None:
        while (next_one := self._next()) is not None:
            writing, left_out = next_one
            try:
                writing(left_out)
            except BaseException:
                with self._changed:
                    self._writing = False
                    self._changed.notify_all()
                raise

    def _next(self) -> tuple[Writing, int] | None:
        with self._changed:
            if not self._waiting or self._hold is not None:
                self._writing = False
                self._lags = self._lags and bool(self._waiting)
                self._changed.notify_all()
                return None
            writing, left_out, hold = self._waiting.popleft()
            self._written += 1
            if hold is not None and not hold.released:
                self._hold = hold
            return writing, left_out


DESK = Desk()
"""The terminal is one for the whole process."""
atexit.register(DESK.wait_at_exit)
if hasattr(os, "register_at_fork"):
    # What a thread imports, or locks, at the moment of a fork stays locked in the child.
    os.register_at_fork(before=DESK.wait_written, after_in_child=DESK.forget)
