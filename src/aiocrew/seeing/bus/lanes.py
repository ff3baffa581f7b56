"""Where events wait for their handlers, which may be slow: no run waits with them.

A lane is served by one thread, or by one task of an event loop, and only while something waits in it. So its letters
are read one after another, in the order in which they were posted; lanes know nothing of one another.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import time
from collections import deque
from collections.abc import Hashable
from contextvars import Context
from functools import partial

from aiocrew.aio.lasting import LastingTask
from aiocrew.aio.pool import start_thread
from aiocrew.seeing.bus.letter import LOG, Letter

__all__ = ["Lanes"]

_MOST_WAITING = 10_000
_LOOK_EVERY_S = 0.1
_AT_EXIT_S = 10.0
_GRACE_S = 2.0
"""What handlers have left, of the time of a loop that ends: a synchronous kickoff() returns as much later at most."""


class _Lane:
    """Letters that wait. `loop`: whose task reads them; None where a thread does."""

    def __init__(self, key: Hashable, readers: str, loop: asyncio.AbstractEventLoop | None) -> None:
        self.key = key
        self.readers = readers
        self.loop = loop
        self.task: LastingTask[None] | None = None
        self.waiting: deque[Letter] = deque()
        self.reading: Letter | None = None
        self.given_up: set[Letter] = set()
        """Those that count as dealt with although a handler was left in the middle; its loop may go on one day."""
        self.served = False
        self.posted = self.settled = self.dropped = 0

    @property
    def is_left(self) -> bool:
        """Whether whoever read it has gone: nobody does, or its loop has ended or is ending."""
        loop, task = self.loop, self.task
        return not self.served or (loop is not None and (loop.is_closed() or (task is not None and task.done())))

    @property
    def stands_still(self) -> bool:
        """Whether its loop does not run, and so will not read on while somebody waits for that."""
        return self.loop is not None and not self.loop.is_running()

    def give_up(self) -> Letter | None:
        """Return the letter that nobody reads to its end because the loop stands still; it counts as dealt with."""
        lost = self.reading if self.stands_still else None
        if lost is not None:
            self.reading = None
            self.given_up.add(lost)
            self.settled += 1
        return lost


class Lanes:
    """All lanes of one bus. Any thread may use it.

    A lane takes `most` letters; what is posted beyond that is dropped, and a warning in the log tells how many were.
    """

    def __init__(self, most: int = _MOST_WAITING) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._settled = threading.Condition(self._lock)
        self._lanes: dict[Hashable, _Lane] = {}
        self._waits_at_exit = False
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    @property
    def lanes(self) -> int:
        """How many there are: in each something waits, or is being read."""
        return len(self._lanes)

    def post(self, letter: Letter, loop: asyncio.AbstractEventLoop | None, group: str) -> None:
        """Have `letter` read after all those before it for handlers of the same module; return at once.

        For an async handler that is after those with the same `group`, by a task of `loop`; for a plain one, and where
        there is no loop, by a thread.
        """
        readers, is_async = letter.reader.module, letter.reader.is_async
        if not is_async:
            loop, group = None, ""
        key = (readers, is_async, loop, group, letter.depth)
        with self._lock:
            lane = self._lanes.get(key)
            if lane is None:
                lane = self._lanes[key] = _Lane(key, readers, loop)
            taken = len(lane.waiting) < self._most
            if taken:
                lane.waiting.append(letter)
                lane.posted += 1
            else:
                lane.dropped += 1
            begins_to_drop = lane.dropped == 1 and not taken
            is_left, idle, lane.served = lane.is_left, not lane.served, True
        self._wait_at_exit()
        if not taken:
            letter.done()
        if begins_to_drop:
            LOG.warning("the handlers in %s are slower than the events: what comes now is dropped", readers)
        if idle:
            self._serve(lane)
        elif is_left:
            self._serve_by_thread(lane)

    def flush(self, timeout_s: float | None) -> bool:
        """Block until all that was posted before has been read; False when `timeout_s` is over first.

        Also False when handlers are to run on the very loop that this call blocks, and when one was left in the middle
        by a loop that stands still; it does not wait for those.
        """
        own = _running_loop()
        with self._lock:
            goals = [(lane, lane.posted) for lane in self._lanes.values()]
        ahead = [(lane, goal) for lane, goal in goals if own is None or lane.loop is not own]
        end_s = None if timeout_s is None else time.monotonic() + timeout_s
        whole = len(ahead) == len(goals)
        while True:
            for lane, goal in ahead:
                if lane.settled < goal and (lane.is_left or lane.stands_still):
                    whole = self._take_over(lane) and whole
            with self._settled:
                if all(lane.settled >= goal for lane, goal in ahead):
                    return whole
                left_s = _LOOK_EVERY_S if end_s is None else min(_LOOK_EVERY_S, end_s - time.monotonic())
                if left_s <= 0:
                    return False
                self._settled.wait(left_s)

    # Serving a lane

    def _serve(self, lane: _Lane) -> None:
        """Have an idle lane read."""
        loop = lane.loop
        if loop is None:
            self._serve_by_thread(lane)
        elif loop is _running_loop():
            self._serve_by_task(lane)
        else:
            try:
                loop.call_soon_threadsafe(self._serve_by_task, lane)
            except RuntimeError:  # the loop was closed
                self._serve_by_thread(lane)

    def _serve_by_task(self, lane: _Lane) -> None:
        lane.task = LastingTask(self._read_in_task(lane), grace_s=_GRACE_S, context=Context())

    async def _read_in_task(self, lane: _Lane) -> None:
        try:
            while (letter := self._next(lane)) is not None:
                try:
                    await letter.aread()
                finally:
                    self._settle(lane, letter)
        except asyncio.CancelledError:
            self._serve_by_thread(lane)  # the loop ends; what it leaves has a right to be read
            raise

    def _take_over(self, lane: _Lane) -> bool:
        """Have a thread read what a loop leaves waiting; False where it leaves a handler in the middle."""
        with self._settled:
            lost = lane.give_up()
        if lost is not None:
            lost.done()
        if lost is not None or lane.waiting:
            self._serve_by_thread(lane, or_here=True)
        return lost is None

    def _serve_by_thread(self, lane: _Lane, *, or_here: bool = False) -> None:
        lane.loop = lane.task = None
        lane.served = True
        try:
            start_thread(partial(self._read_in_thread, lane))
        except RuntimeError:  # no thread is to be had, as when the interpreter exits
            lane.served = False
            if or_here:
                self._read_in_thread(lane)

    def _read_in_thread(self, lane: _Lane) -> None:
        while (letter := self._next(lane)) is not None:
            letter.read()
            self._settle(lane, letter)

    def _next(self, lane: _Lane) -> Letter | None:
        while True:
            with self._lock:
                if lane.waiting:
                    lane.reading = lane.waiting.popleft()
                    return lane.reading
                dropped, lane.dropped = lane.dropped, 0
                if not dropped:
                    lane.served = False
                    # While the task of a loop that stands still holds a letter, somebody may wait for it.
                    if lane.settled == lane.posted and self._lanes.get(lane.key) is lane:
                        del self._lanes[lane.key]
                    return None
            LOG.warning("%d events were dropped: the handlers in %s were slower than they", dropped, lane.readers)

    def _settle(self, lane: _Lane, letter: Letter) -> None:
        with self._settled:
            if lane.reading is letter:
                lane.reading = None
            if letter in lane.given_up:
                lane.given_up.remove(letter)
            else:
                lane.settled += 1
            self._settled.notify_all()
        letter.done()

    # The ends of the process

    def _wait_at_exit(self) -> None:
        if not self._waits_at_exit:
            self._waits_at_exit = True
            atexit.register(self._end)

    def _end(self) -> None:
        if not self.flush(_AT_EXIT_S):
            left = sorted({lane.readers for lane in tuple(self._lanes.values())})
            LOG.warning("the process ends before its handlers are through%s", f" in {', '.join(left)}" if left else "")

    def _forget(self) -> None:
        # A forked child has none of the threads and loops that would read.
        self._lock = threading.Lock()
        self._settled = threading.Condition(self._lock)
        self._lanes = {}


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
