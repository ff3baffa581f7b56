"""Time limits that end what is under way."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from types import TracebackType

__all__ = ["time_limit"]

_COARSE_FROM_S = 30.0
_ATTRIBUTE = "_aiocrew_due"


def time_limit(
    seconds: float | None, error: Callable[[], Exception], loop: asyncio.AbstractEventLoop | None = None
) -> AbstractAsyncContextManager[None]:
    """Return a block that ends after `seconds` by raising `error()`; None sets no limit.

    What is awaited in the block is cancelled; where that is swallowed, the error comes at the block's end. A
    cancellation from outside is left alone. A limit of 30 s or more may end up to a second late. `loop` is the running
    one, for who knows it already.
    """
    if seconds is None or seconds == math.inf:
        return nullcontext()
    return _Exact(seconds, error) if seconds < _COARSE_FROM_S else _Coarse(seconds, error, loop)


class _Exact:
    """A timer of its own for each block."""

    __slots__ = ("_error", "_timeout")

    def __init__(self, seconds: float, error: Callable[[], Exception]) -> None:
        self._timeout = asyncio.timeout(seconds)
        self._error = error

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, traceback)
        except TimeoutError:
            raise self._error() from None
        if kind is None and self._timeout.expired():  # the cancellation was swallowed, but the time is over
            raise self._error()


class _Coarse:
    """One timer for all blocks of a loop that are due in the same second.

    Every model call has a limit, and hardly one is ever reached: a timer made and cancelled for each costs five times
    as much as a place in a set.
    """

    __slots__ = ("_cancels_before", "_due", "_error", "_expired", "_loop", "_seconds", "_task")

    def __init__(self, seconds: float, error: Callable[[], Exception], loop: asyncio.AbstractEventLoop | None) -> None:
        self._loop = loop
        self._seconds = seconds
        self._error = error
        self._expired = False

    async def __aenter__(self) -> None:
        loop = self._loop or asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("a time limit needs a task that it can cancel")
        self._task: asyncio.Task[object] = task
        self._cancels_before = task.cancelling()
        self._due = _due_at(loop, int(loop.time() + self._seconds) + 1)
        self._due.add(self)

    def expire(self) -> None:
        self._expired = True
        self._task.cancel()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._expired:
            self._due.discard(self)
        elif self._task.uncancel() <= self._cancels_before and (kind is asyncio.CancelledError or kind is None):
            raise self._error() from None


def _due_at(loop: asyncio.AbstractEventLoop, second: int) -> set[_Coarse]:
    """Return the blocks of `loop` that end at `second`; they hang on the loop itself, so nothing keeps it alive."""
    calendar: dict[int, set[_Coarse]] | None = getattr(loop, _ATTRIBUTE, None)
    if calendar is None:
        calendar = {}
        setattr(loop, _ATTRIBUTE, calendar)
    due = calendar.get(second)
    if due is None:
        due = calendar[second] = set()
        loop.call_at(second, _expire, calendar, second)
    return due


def _expire(calendar: dict[int, set[_Coarse]], second: int) -> None:
    for block in calendar.pop(second):
        block.expire()
