"""An event loop on virtual time: it jumps to the next timer whenever nothing else is to do."""

from __future__ import annotations

import asyncio
import heapq
import selectors
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from contextvars import Context
from typing import Any, Final, TypeVar, TypeVarTuple, cast

from typing_extensions import override

from aiocrew.aio.thread_counts import ThreadCount, awaiting_thread
from aiocrew.testing.errors import DeadlockError

__all__ = ["VirtualTimeLoop"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_PATIENCE_S: Final = 5.0
"""So long a wake-up is waited for, in real seconds, from threads that the loop knows nothing of."""
_SAME_S: Final = 1e-6
_SHOWN_TASKS = 10


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Time begins at 0 and stands still while anything is to do; then it is the next timer's.

    A thread whose end the loop awaits counts as something to do: that of a synchronous tool or callback of ours, of
    `asyncio.to_thread` and `run_in_executor`, of a lookup of a name. It takes as long as it takes, and no time passes
    meanwhile. Sockets are served, but are not waited for: who has a server on the same loop asks it in real time.
    DeadlockError ends the loop when everything waits and nothing can wake it any more.
    """

    def __init__(self, patience_s: float = _PATIENCE_S) -> None:
        self._now = 0.0
        self._dues: list[float] = []
        self._threads = ThreadCount(self)
        self._waiting = _Waiting(self, self._threads, patience_s)
        super().__init__(self._waiting)
        self._waiting.own_files = len(self._waiting.get_map())

    @override
    def time(self) -> float:
        return self._now

    def jump(self, seconds: float) -> None:
        """Let `seconds` have passed."""
        target_s = self._now + seconds
        while self._dues and self._dues[0] <= target_s + _SAME_S:
            due_s = heapq.heappop(self._dues)
            if abs(due_s - target_s) < _SAME_S:
                target_s = max(target_s, due_s)  # exactly its time: sums of floats would drift beside it
        self._now = target_s

    @override
    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        heapq.heappush(self._dues, when)
        return super().call_at(when, callback, *args, context=context)

    @override
    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        future = super().run_in_executor(executor, func, *args)
        self._threads.awaited += 1
        future.add_done_callback(self._leave_thread)
        return future

    def _leave_thread(self, _ended: asyncio.Future[Any]) -> None:
        self._threads.awaited -= 1

    @override
    async def shutdown_default_executor(self, *timeout: Any, **named: Any) -> None:
        with awaiting_thread(self):
            await super().shutdown_default_executor(*timeout, **named)


class _Waiting(selectors.BaseSelector):
    """What the loop waits with: where a loop in real time would sleep until its next timer, this one lets it jump."""

    def __init__(self, loop: VirtualTimeLoop, threads: ThreadCount, patience_s: float) -> None:
        self._real = selectors.DefaultSelector()
        self._loop = loop
        self._threads = threads
        self._patience_s = patience_s
        self.own_files = 0
        """How many files the loop itself has registered, to be woken by."""

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is None:
            return self._wait_without_timer()
        if self._threads.awaited:
            # A thread may wait for the loop in a way that is not known here: then timers come at their real pace.
            ready = self._real.select(max(timeout, self._patience_s))
        if not ready:
            self._loop.jump(timeout)
        return ready

    def _wait_without_timer(self) -> list[tuple[selectors.SelectorKey, int]]:
        if self._threads.awaited or len(self._real.get_map()) > self.own_files:
            return self._real.select(None)
        ready = self._real.select(self._patience_s) if threading.active_count() > 1 else []
        if not ready:
            raise DeadlockError(_what_waits(self._loop))
        return ready

    @override
    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    @override
    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    @override
    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    @override
    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    @override
    def close(self) -> None:
        self._real.close()


def _what_waits(loop: asyncio.AbstractEventLoop) -> str:
    tasks = sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name())
    places = [f"  {task.get_name()}: {_place_of(task)}" for task in tasks[:_SHOWN_TASKS]]
    more = [f"  and {len(tasks) - _SHOWN_TASKS} more"] if len(tasks) > _SHOWN_TASKS else []
    return "\n".join(
        [
            f"nothing can go on at {loop.time():g} s of virtual time: no timer is set, no thread works, and all tasks "
            "wait for one another or for what nobody will do. They wait at:",
            *places,
            *more,
        ]
    )


def _place_of(task: asyncio.Task[Any]) -> str:
    """Return where `task` stands, in its innermost coroutine."""
    place, inner = "?", cast("Any", task.get_coro())
    while inner is not None:
        frame = getattr(inner, "cr_frame", None)
        if frame is not None:
            place = f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
        inner = getattr(inner, "cr_await", None)
    return place
