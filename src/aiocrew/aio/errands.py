"""What synchronous code in one of our threads has done for it on the event loop that its thread was started from."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from aiocrew.aio.thread_counts import thread_count

__all__ = ["Errands", "ended_within", "of_this_thread"]

T = TypeVar("T")

_LOOK_EVERY_S = 1.0
_LOOKS_AT_A_STOPPED_LOOP = 5
_JOB_OVER = "the run that this thread worked for was cancelled: it may start nothing any more"
_LOOP_CLOSED = "the event loop that this thread worked for was closed"
_LOOP_STOPPED = "the event loop that this thread worked for has not run for some seconds"


class Errands:
    """The work of one thread's job on the job's loop, one piece at a time.

    The thread calls `run`; all else belongs to the loop. So no lock is needed: whether a piece may begin is decided
    where it would begin.
    """

    __slots__ = ("_closed", "_counted", "_left", "_loop", "_task", "_threads")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._task: asyncio.Task[Any] | None = None
        self._closed = False
        self._threads = thread_count(loop)
        self._counted = self._left = False

    @property
    def under_way(self) -> bool:
        """Whether a piece has begun and not ended."""
        return self._task is not None

    def run(self, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what `main()` gives, carried out on the loop with this thread's context variables.

        Only this thread waits. Raises what the work raises, and CancelledError when the errands were closed, or when
        the loop was closed or has not run for five seconds: nobody waits for this thread any more.
        """
        # No `except Exception` around a user's kickoff() stops asyncio's CancelledError: a loop that tries again ends.
        if self._closed:
            raise asyncio.CancelledError(_JOB_OVER)
        outcome: Future[T] = Future()
        try:
            self._loop.call_soon_threadsafe(self._begin, main, outcome)
        except RuntimeError:
            raise asyncio.CancelledError(_LOOP_CLOSED) from None
        try:
            self._wait_for(outcome)
            if self._closed:
                raise asyncio.CancelledError(_JOB_OVER)
            return outcome.result()
        finally:
            if not outcome.done():  # the wait ended, not the work
                with suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self.close)
            del outcome  # an error holds this frame, which may not hold the error

    def _wait_for(self, outcome: Future[Any]) -> None:
        looks = 0
        while not ended_within(outcome, _LOOK_EVERY_S):
            if self._loop.is_closed():
                raise asyncio.CancelledError(_LOOP_CLOSED)
            looks = 0 if self._loop.is_running() else looks + 1
            if looks == _LOOKS_AT_A_STOPPED_LOOP:
                raise asyncio.CancelledError(_LOOP_STOPPED)

    def _begin(self, main: Callable[[], Coroutine[Any, Any, T]], outcome: Future[T]) -> None:
        if self._closed:
            outcome.set_exception(asyncio.CancelledError(_JOB_OVER))
            return
        self._count(waits=False)  # it is the thread that waits for the loop now
        # The loop runs this callback in a copy of the thread's context, which the task copies in its turn.
        self._task = task = self._loop.create_task(_sparing_the_loop(main))
        task.add_done_callback(partial(self._deliver, outcome))

    def _deliver(self, outcome: Future[T], task: asyncio.Task[T]) -> None:
        self._task = None
        self._count(waits=True)
        try:
            error = task.exception()
        except asyncio.CancelledError as cancelled:
            error = cancelled
        if error is None:
            outcome.set_result(task.result())
        else:
            outcome.set_exception(error.given if isinstance(error, _Exit) else error)

    def await_thread(self) -> None:
        """The loop waits for the thread from now on."""
        self._count(waits=True)

    def leave_thread(self) -> None:
        """The loop waits for the thread no more: close."""
        self._left = True
        self._count(waits=False)
        self.close()

    def _count(self, *, waits: bool) -> None:
        waits = waits and not self._left
        if self._threads is not None and waits != self._counted:
            self._counted = waits
            self._threads.awaited += 1 if waits else -1

    def close(self) -> None:
        """Let nothing begin any more, and cancel what is under way."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()

    async def stop(self) -> None:
        """Close, and return when nothing is under way.

        Being cancelled meanwhile cancels the work once more, and is not raised: who stops errands is cancelled already.
        """
        self.close()
        while self._task is not None:
            try:
                await asyncio.wait([self._task])
            except asyncio.CancelledError:
                self.close()


class _Exit(Exception):
    """A SystemExit on its way to the thread: raised in a task, it would end the loop and all who use it."""

    def __init__(self, given: SystemExit) -> None:
        self.given = given


async def _sparing_the_loop(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    try:
        return await main()
    except SystemExit as error:
        raise _Exit(error) from None


def ended_within(outcome: Future[Any], seconds: float) -> bool:
    """Block for at most `seconds`, and return whether `outcome` is there. A TimeoutError in it is told from this one's.

    Nobody may cancel `outcome`.
    """
    try:
        outcome.exception(seconds)
    except TimeoutError:
        return outcome.done()
    return True


class _OfThisThread(threading.local):
    errands: Errands | None = None


# Not a context variable: user code copies those into threads and loops of its own, which outlive the job.
of_this_thread = _OfThisThread()
"""`errands` are those of the job that this very thread carries out; None where it carries out no loop's job."""


def _forget() -> None:
    of_this_thread.errands = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)  # the loop has stayed in the parent
