"""Where calls of several event loops wait for their turn: a Controller with a lock, and the waking of who waits."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from aiocrew.admission.call import Call, State
from aiocrew.admission.controller import Controller

__all__ = ["Turnstile", "is_owned"]

C = TypeVar("C", bound=Controller)

_POLL_S = 0.1
"""How often a loop looks at what others did."""
_OTHER_CLOCK_S = 3600.0
"""A time so far back is that of a loop on virtual time: what was learned on another clock means nothing on it."""


def is_owned(lock: threading.RLock) -> bool:
    """Return whether this thread holds the lock."""
    held: Any = lock  # typeshed leaves out what threading.Condition asks of every lock
    return bool(held._is_owned())


class _Alarm:
    """When a loop looks next whether one of its calls may go."""

    __slots__ = ("handle", "when_s")

    def __init__(self, handle: asyncio.TimerHandle, when_s: float) -> None:
        self.handle, self.when_s = handle, when_s


class Turnstile(Generic[C]):
    """Lets calls through as its controller decides.

    Callers on other loops are woken, never served: a slot belongs to nobody until the waiting call's own loop has run
    and claimed it, so a blocked loop cannot hold one up. Times are the callers' loops'; those of one process agree.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()  # reentrant: the collector may close an abandoned caller at any point
        self._controller = self._fresh()
        self._alarms: dict[asyncio.AbstractEventLoop, _Alarm] = {}
        self._latest_s = 0.0
        self._gone: deque[Call] = deque()
        """Calls that have given up waiting and are to be taken out of line."""
        _all.add(self)

    def _fresh(self) -> C:
        """Return a controller in which nothing has happened yet."""
        raise NotImplementedError

    def try_start(self, call: Call, loop: asyncio.AbstractEventLoop) -> bool:
        """Return True when the call may go at once; otherwise `wait` must follow."""
        now_s = loop.time()
        with self._lock:
            if now_s < self._latest_s - _OTHER_CLOCK_S:
                self._controller = self._fresh()
            self._latest_s = now_s
            return self._controller.enter(call, loop, now_s)

    async def wait(self, call: Call, loop: asyncio.AbstractEventLoop) -> None:
        """Return when the call may go. On cancellation its place in line is given up."""
        call.owner = loop.create_future()
        try:
            self._after(loop)
            while True:
                await call.owner
                call.owner = loop.create_future()
                with self._lock:
                    claimed = self._controller.claim(call, loop.time())
                    waits_here = self._controller.has_line(loop)
                if claimed:
                    if not waits_here:
                        self._drop_alarm(loop)
                    return
                self._after(loop)
        finally:
            call.owner = None
            if call.state is not State.UNDER_WAY:
                self._gone.append(call)
                self._after(loop)

    def ended(self, call: Call, loop: asyncio.AbstractEventLoop) -> None:
        """The call is over, whatever came of it; its slot is free again. A call that has ended stays as it is."""
        with self._lock:
            if not self._controller.ended(call) or not self._controller.waiting:
                return
        self._after(loop)

    # --- waking -------------------------------------------------------------------------------------------------------

    def _after(self, loop: asyncio.AbstractEventLoop) -> None:
        """Something has changed: wake whose turn has come, and look again when more may be due."""
        if self._is_interrupted():
            return
        now_s = loop.time()
        with self._lock:
            while self._gone:
                self._controller.leave(self._gone.popleft(), now_s)
            calls = self._controller.calls(now_s)
            waits_here = self._controller.has_line(loop)
            next_s = self._controller.next_s(now_s) if waits_here else None
        if calls:
            self._wake(calls, loop)
        if asyncio._get_running_loop() is not loop and not loop.is_closed():
            return  # the collector ends calls in any thread, and a loop's timers are its own thread's; it looks anyway
        if waits_here and not loop.is_closed():
            # Another loop may change something meanwhile, or be blocked and not answer its calls.
            look_s = now_s + _POLL_S
            self._set_alarm(loop, look_s if next_s is None else min(look_s, next_s))
        else:
            self._drop_alarm(loop)

    def _is_interrupted(self) -> bool:
        """Return whether this thread is at work here already: the collector has ended a call in the midst of that.

        Then nothing may be moved now, and nothing need be: every loop with a line looks again within `_POLL_S`.
        """
        return is_owned(self._lock)

    def _wake(self, calls: list[Call], loop: asyncio.AbstractEventLoop) -> None:
        running = asyncio._get_running_loop()
        for call in calls:
            home = call.line
            assert isinstance(home, asyncio.AbstractEventLoop)
            if home is running:
                _resolve(call)
                continue
            try:
                home.call_soon_threadsafe(_resolve, call)
            except RuntimeError:  # closed by hand with callers in it: they will never come
                with self._lock:
                    self._controller.drop(home, loop.time())
                self._drop_alarm(home)

    def _set_alarm(self, loop: asyncio.AbstractEventLoop, when_s: float) -> None:
        alarm = self._alarms.get(loop)
        if alarm is not None:
            if loop.time() < alarm.when_s <= when_s:
                return
            alarm.handle.cancel()
        self._alarms[loop] = _Alarm(loop.call_at(when_s, self._look, loop), when_s)

    def _drop_alarm(self, loop: asyncio.AbstractEventLoop) -> None:
        """Nobody waits on this loop any more; once it is closed, nothing here may keep it."""
        alarm = self._alarms.pop(loop, None)
        if alarm is not None:
            alarm.handle.cancel()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._alarms.pop(loop, None)
        # Answers that were read in this very tick are told in the next one, and a rejection must be told before.
        loop.call_soon(self._looked, loop)

    def _looked(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            self._controller.looked(loop, loop.time())
        self._after(loop)

    def forget(self) -> None:
        """Start anew in a forked child, where none of the parent's calls is."""
        self._lock = threading.RLock()
        self._alarms = {}
        self._gone.clear()
        self._controller = self._fresh()


def _resolve(call: Call) -> None:
    if call.owner is not None and not call.owner.done():
        call.owner.set_result(None)


_all: WeakSet[Turnstile[Any]] = WeakSet()


def _forget_all() -> None:
    for turnstile in list(_all):
        turnstile.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
