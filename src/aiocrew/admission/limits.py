"""Limits on calls in flight, one for each (provider, base URL, key, model), shared by all loops of the process."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from contextlib import AbstractAsyncContextManager, nullcontext
from types import TracebackType
from typing import TypeAlias
from weakref import WeakSet, WeakValueDictionary

from aiocrew.admission.gate import Gate, Ticket

__all__ = ["Identity", "Limit", "limit_for"]

Identity: TypeAlias = tuple[str, str, str, str]
"""(provider, base URL, key, model)"""

_POLL_S = 0.1
_OPEN: AbstractAsyncContextManager[None] = nullcontext()


class _Waiter:
    """A claimant in line: the future that wakes it, and the loop to which it belongs."""

    __slots__ = ("future", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.future: asyncio.Future[None] = loop.create_future()

    def wake(self) -> None:
        if not self.future.done():
            self.future.set_result(None)


_Calls: TypeAlias = list[Ticket[_Waiter]]


class Limit:
    """At most so many calls in flight; without a ceiling there is no waiting.

    Callers on other loops are woken, never served: a slot belongs to nobody until the waiter has run and claimed it, so
    a blocked loop cannot hold one up.
    """

    def __init__(self, ceiling: int | None = None) -> None:
        self._lock = threading.RLock()  # reentrant: the collector may close an abandoned claimant at any point
        self._gate: Gate[_Waiter] | None = None
        self._polled: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
        if ceiling is not None:
            self.set_ceiling(ceiling)

    @property
    def in_flight(self) -> int:
        """How many slots are claimed; 0 without a ceiling, where nobody counts."""
        return 0 if self._gate is None else self._gate.claimed

    def set_ceiling(self, ceiling: int) -> None:
        """Let `ceiling` calls be in flight from now on; those that are go on."""
        with self._lock:
            if self._gate is None:
                self._gate = Gate(ceiling)
            self._gate.ceiling = ceiling
            calls = self._gate.calls(time.monotonic())
        self._wake(self._gate, calls)

    def slot(self, *, unbounded: bool = False) -> AbstractAsyncContextManager[None]:
        """Return a block that is entered when a slot is free; `unbounded` enters at once, and counts all the same."""
        gate = self._gate
        return _OPEN if gate is None else _Slot(self, gate, unbounded)

    async def claim(self, gate: Gate[_Waiter], unbounded: bool) -> None:
        """Return when a slot of `gate` is claimed; on cancellation the place in line is given up."""
        if unbounded:
            with self._lock:
                gate.force()
            return
        loop = asyncio.get_running_loop()
        with self._lock:
            ticket = gate.enter(loop, _Waiter(loop), time.monotonic())
        if ticket is not None:
            self._poll(gate, loop)
            await self._wait(gate, ticket)

    async def _wait(self, gate: Gate[_Waiter], ticket: Ticket[_Waiter]) -> None:
        waiter = ticket.owner
        claimed = False
        try:
            while not claimed:
                await waiter.future
                with self._lock:
                    claimed = gate.claim(ticket, time.monotonic())
                    if not claimed:
                        waiter.future = waiter.loop.create_future()
        finally:
            with self._lock:
                gate.leave(ticket)
                calls = gate.calls(time.monotonic())
            self._wake(gate, calls)

    def release(self, gate: Gate[_Waiter]) -> None:
        """Give a claimed slot back, and call whose turn it is."""
        with self._lock:
            gate.release()
            calls = gate.calls(time.monotonic())
        if calls:
            self._wake(gate, calls)

    def _wake(self, gate: Gate[_Waiter], calls: _Calls) -> None:
        while calls:
            waiter = calls.pop(0).owner
            if waiter.loop is asyncio._get_running_loop():
                waiter.wake()
                continue
            try:
                waiter.loop.call_soon_threadsafe(waiter.wake)
            except RuntimeError:  # closed by hand with waiters in it: they will never come
                with self._lock:
                    gate.drop(waiter.loop)
                    calls = gate.calls(time.monotonic())

    def _poll(self, gate: Gate[_Waiter], loop: asyncio.AbstractEventLoop) -> None:
        """While `loop` has waiters, look now and then whether another loop has not answered its call."""
        if loop not in self._polled:
            self._polled.add(loop)
            loop.call_later(_POLL_S, self._look, gate, loop)

    def _look(self, gate: Gate[_Waiter], loop: asyncio.AbstractEventLoop) -> None:
        self._polled.discard(loop)
        with self._lock:
            waited_for = gate.has_line(loop)
            calls = gate.calls(time.monotonic())
        self._wake(gate, calls)
        if waited_for:
            self._poll(gate, loop)

    def forget(self) -> None:
        """Start anew in a forked child, where none of the parent's calls is."""
        self._lock = threading.RLock()
        self._polled = WeakSet()
        if self._gate is not None:
            self._gate = Gate(self._gate.ceiling)


class _Slot:
    __slots__ = ("_gate", "_limit", "_unbounded")

    def __init__(self, limit: Limit, gate: Gate[_Waiter], unbounded: bool) -> None:
        self._limit, self._gate, self._unbounded = limit, gate, unbounded

    async def __aenter__(self) -> None:
        await self._limit.claim(self._gate, self._unbounded)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._limit.release(self._gate)


_limits: WeakValueDictionary[Identity, Limit] = WeakValueDictionary()
_limits_lock = threading.Lock()


def limit_for(identity: Identity, ceiling: int | None = None) -> Limit:
    """Return the process's limit of `identity`. A `ceiling` holds for all who share it; the latest one counts."""
    with _limits_lock:
        limit = _limits.get(identity)
        if limit is None:
            limit = _limits[identity] = Limit()
    if ceiling is not None:
        limit.set_ceiling(ceiling)
    return limit


def _forget_all() -> None:
    global _limits_lock
    _limits_lock = threading.Lock()
    for limit in list(_limits.values()):
        limit.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
