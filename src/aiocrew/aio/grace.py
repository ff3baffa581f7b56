"""A bounded time for what user code does when it is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from enum import Enum, auto
from types import CoroutineType
from typing import Any, Generic, TypeVar, cast

__all__ = ["with_grace"]

T = TypeVar("T")

_LAST_WORD_S = 0.25
"""For the finally-blocks around the one that is interrupted, and for the children that they wait for."""
_CLOSINGS = 10
"""Each ends one more await in a finally-block; what awaits more often is left to the garbage collector."""


def with_grace(work: Awaitable[T], grace_s: float, loop: asyncio.AbstractEventLoop | None = None) -> Awaitable[T]:
    """Return an awaitable that gives what `work` gives, and ends in bounded time once the current task is cancelled.

    A cancellation reaches `work` as ever, and so does a further one. After the first, `work` may go on for `grace_s`
    seconds; then what it awaits is cancelled once more, and 0.25 s later it is closed where it stands: CancelledError
    is raised. All else is as without: `work` runs in the current task, and the task's count of cancellations stays what
    others made it. While nothing is cancelled there is no further task and no timer.

    A cancellation that `work` has asked for and answers by itself (an asyncio.timeout inside) ends no grace. `loop` is
    the running one, for who knows it already.
    """
    return _Graced(work, grace_s, loop)


_PLAIN: type[Any] = asyncio.Future


class _Stage(Enum):
    CALM = auto()
    """No cancellation is unanswered, or the grace lasts."""
    OVER = auto()
    """The grace has ended, and the work is to hear of it."""
    TOLD = auto()
    LOST = auto()
    """The last word has been waited for, too."""


class _Graced(Generic[T]):
    """Hands on what goes between a task and the work, and keeps the time."""

    __slots__ = ("_awaited", "_cancels_before", "_gate", "_grace_s", "_loop", "_stage", "_task", "_timer", "_work")

    def __init__(self, work: Awaitable[T], grace_s: float, loop: asyncio.AbstractEventLoop | None) -> None:
        known = type(work) is CoroutineType
        self._work: Coroutine[Any, Any, T] = cast("Coroutine[Any, Any, T]", work) if known else _awaiting(work)
        self._grace_s = grace_s
        self._loop = loop
        self._awaited: Any = None
        self._stage = _Stage.CALM
        self._timer: asyncio.TimerHandle | None = None
        self._gate: asyncio.Future[None] | None = None

    def __await__(self) -> Generator[Any, Any, T]:
        work = self._work
        self._task = asyncio.current_task(self._loop)
        self._cancels_before = 0 if self._task is None else self._task.cancelling()
        told: BaseException | None = None
        try:
            while True:
                try:
                    self._awaited = awaited = work.send(None) if told is None else work.throw(told)
                except StopIteration as end:
                    return end.value
                if told is not None or self._timer is not None:
                    self._keep_time()
                told = None
                try:
                    # A plain future ends as soon as it is cancelled. A task may take its time, and hides the cancel.
                    if awaited is None or type(awaited) is _PLAIN:
                        yield awaited
                    else:
                        yield from self._watch(awaited)
                except GeneratorExit:
                    work.close()
                    raise
                except BaseException as error:
                    told = error
                if self._stage is _Stage.OVER:
                    self._stage = _Stage.TOLD
                    if not isinstance(told, asyncio.CancelledError):
                        told = asyncio.CancelledError()
                elif self._stage is _Stage.LOST:
                    self._give_up()
        finally:
            self._stop_timer()
            # Else an error, or the task that ends with it, would hold itself by way of this frame.
            self._awaited = self._task = awaited = told = None

    def _watch(self, awaited: Any) -> Generator[Any, Any, None]:
        """Wait for `awaited` as a task would, but end the wait, if need be, before it ends."""
        loop = self._loop or asyncio.get_running_loop()
        if not isinstance(awaited, asyncio.Future) or awaited is self._task or awaited.get_loop() is not loop:
            yield awaited  # the task has its own way with it: mostly an error
            return
        others = cast("asyncio.Future[Any]", awaited)
        while not others.done():
            self._gate = loop.create_future()
            others.add_done_callback(self._open)
            try:
                yield from self._gate
            except asyncio.CancelledError:
                if not others.cancel():
                    raise
                self._keep_time()
            finally:
                others.remove_done_callback(self._open)
                self._gate = None
            if self._stage is _Stage.LOST:
                return
        others.result()

    def _open(self, _ended: object = None) -> None:
        if self._gate is not None and not self._gate.done():
            self._gate.set_result(None)

    def _keep_time(self) -> None:
        """Begin the grace if a cancellation is unanswered; stop it when none is any more."""
        if not self._is_cancelled():
            self._stop_timer()
            self._stage = _Stage.CALM
        elif self._timer is None:
            loop = self._loop or asyncio.get_running_loop()
            self._timer = loop.call_later(self._grace_s, self._end_grace, loop)

    def _is_cancelled(self) -> bool:
        return self._task is not None and self._task.cancelling() > self._cancels_before

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end_grace(self, loop: asyncio.AbstractEventLoop) -> None:
        self._stage = _Stage.OVER
        self._timer = loop.call_later(_LAST_WORD_S, self._lose)
        self._interrupt()

    def _lose(self) -> None:
        self._stage = _Stage.LOST
        self._interrupt()
        self._open()

    def _interrupt(self) -> None:
        # The future, not the task: nobody outside has asked once more. One that has ended wakes the task anyway.
        if self._awaited is not None:
            self._awaited.cancel()

    def _give_up(self) -> None:
        for _ in range(_CLOSINGS):
            try:
                self._work.close()
            except Exception:  # it awaits in a finally-block, or fails there: the cancellation is what counts
                continue
            break
        raise asyncio.CancelledError(f"it went on for {self._grace_s:g} s after it was cancelled, and was closed")


async def _awaiting(work: Awaitable[T]) -> T:
    return await work
