"""At most so many requests a minute, for all runs of one agent or crew."""

from __future__ import annotations

import asyncio
import math
import os
import threading
from collections import deque

from aiocrew.admission.call import Call
from aiocrew.admission.controller import Controller
from aiocrew.admission.turnstile import Turnstile
from aiocrew.types.terms import Passed

__all__ = ["MinutePace", "pace_of"]

_MINUTE_S = 60.0


class _Window:
    """The requests of the last minute. Those that have passed and are not sent yet count as the controller's own.

    It is both what slots there are and the rule over time: an unbounded call waits for no slot, so it waits for those
    that were sent only. Else it would wait for a request that the loop which it blocks has not sent yet. That calls of
    this kind hold back one another, each counts from when it passed, until it is sent.
    """

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._sent: deque[float] = deque()

    @property
    def value(self) -> int:
        return self.per_minute - len(self._sent)

    def wanted(self, now_s: float) -> None:
        pass

    def grow(self, now_s: float) -> None:
        self._forget_old(now_s)

    def met(self) -> None:
        pass

    def next_s(self) -> float | None:
        return self._sent[0] + _MINUTE_S if self._sent else None

    def allow(self, now_s: float) -> bool:
        self._forget_old(now_s)
        return len(self._sent) < self.per_minute

    def allow_s(self, now_s: float) -> float:
        return -math.inf if self.allow(now_s) else self._sent[-self.per_minute] + _MINUTE_S

    def stands(self, now_s: float) -> bool:
        return self.allow(now_s)

    def take(self, call: Call, now_s: float) -> None:
        pass

    def give_back(self, call: Call, now_s: float) -> None:
        pass

    def sent(self, call: Call, now_s: float) -> None:
        call.sent_s = now_s
        if call.unbounded:
            self._sent.append(now_s)

    def went_out(self, call: Call, now_s: float) -> None:
        """The request of a call that has passed goes out now."""
        self.does_not_go(call)
        self._sent.append(now_s)

    def does_not_go(self, call: Call) -> None:
        """The request of a call that has passed will not go out."""
        if call.unbounded and call.sent_s in self._sent:
            self._sent.remove(call.sent_s)

    def _forget_old(self, now_s: float) -> None:
        while self._sent and self._sent[0] + _MINUTE_S <= now_s:
            self._sent.popleft()


class MinutePace(Turnstile[Controller]):
    """A Pace: no minute holds more than `per_minute` requests, counted from when each is sent."""

    def __init__(self, per_minute: int) -> None:
        self._window = _Window(per_minute)
        super().__init__()

    def _fresh(self) -> Controller:
        self._window = _Window(self._window.per_minute)
        return Controller(self._window, self._window)

    @property
    def per_minute(self) -> int:
        return self._window.per_minute

    @per_minute.setter
    def per_minute(self, number: int) -> None:
        self._window.per_minute = number

    async def pass_one(
        self, flow: tuple[str, int], run: str, loop: asyncio.AbstractEventLoop, *, unbounded: bool
    ) -> Passed:
        call = Call(flow, run, unbounded=unbounded)
        if not self.try_start(call, loop):
            await self.wait(call, loop)
        return _Place(self, call, loop)

    def went_out(self, call: Call, loop: asyncio.AbstractEventLoop) -> None:
        """The request of a call that has passed goes out now."""
        with self._lock:
            if self._controller.ended(call):
                self._window.went_out(call, loop.time())

    def give_back(self, call: Call, loop: asyncio.AbstractEventLoop) -> None:
        """The request of a call that has passed will not be sent after all."""
        with self._lock:
            if not self._controller.ended(call):
                return
            self._window.does_not_go(call)
        self._after(loop)


class _Place:
    __slots__ = ("_call", "_loop", "_pace")

    def __init__(self, pace: MinutePace, call: Call, loop: asyncio.AbstractEventLoop) -> None:
        self._pace, self._call, self._loop = pace, call, loop

    def sent(self) -> None:
        self._pace.went_out(self._call, self._loop)

    def give_back(self) -> None:
        self._pace.give_back(self._call, self._loop)


_lock = threading.RLock()  # reentrant: what the collector ends may ask for a pace


def pace_of(blueprint: object, per_minute: int) -> MinutePace:
    """Return what keeps to `per_minute` for all runs of `blueprint`.

    It hangs on the blueprint, in the slot `_pace`.
    """
    with _lock:
        pace: MinutePace | None = getattr(blueprint, "_pace", None)
        if pace is None:
            pace = MinutePace(per_minute)
            object.__setattr__(blueprint, "_pace", pace)
        pace.per_minute = per_minute
        return pace


def _new_lock() -> None:
    global _lock
    _lock = threading.RLock()  # in a forked child: a thread of the parent may have held it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_lock)
