"""Threads for synchronous code: as many as there is work for, none shared with the application.

The default executor has cpu + 4 threads and belongs to everyone in the process; a tool that waits for one of them
serialises all crews. Here a call starts at once, in an idle thread or in a new one.
"""

from __future__ import annotations

import asyncio
import os
import queue
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from typing import Any, TypeVar

from aiocrew.aio.errands import Errands, of_this_thread
from aiocrew.types.blueprint import AiocrewWarning

__all__ = ["ElasticPool", "run_in_thread", "start_thread"]

T = TypeVar("T")

_IDLE_S = 10.0
_MANY = 1_000
_UNWINDING_S = 0.25

_Job = Callable[[], None]
_Inbox = queue.SimpleQueue[_Job]


class ElasticPool:
    """Daemon threads that take one job each; idle ones end after `idle_s`, the interpreter's exit never waits.

    There is no fixed cap. A warning at 1,000 threads says that something synchronous holds them.
    """

    def __init__(self, idle_s: float = _IDLE_S) -> None:
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._idle: list[_Inbox] = []
        self._threads = 0
        self._warned = False

    @property
    def threads(self) -> int:
        """How many threads there are now, idle ones included."""
        return self._threads

    def submit(self, job: _Job) -> None:
        """Start `job` at once in a thread; it may not raise. RuntimeError when the system gives no more threads."""
        with self._lock:
            inbox = self._idle.pop() if self._idle else None
            if inbox is None:
                self._threads += 1
        if inbox is not None:
            inbox.put(job)
            return
        self._warn_if_many()
        try:
            threading.Thread(target=self._work, args=(job,), name="aiocrew-pool", daemon=True).start()
        except RuntimeError:
            with self._lock:
                self._threads -= 1
            raise

    def _warn_if_many(self) -> None:
        if self._threads >= _MANY and not self._warned:
            self._warned = True
            warnings.warn(
                f"{self._threads} threads run synchronous tools or callbacks at the same time; make them async, "
                "or start fewer runs at once",
                AiocrewWarning,
                stacklevel=2,
            )

    def _work(self, first: _Job) -> None:
        inbox: _Inbox = queue.SimpleQueue()
        job: _Job | None = first
        while job is not None:
            job()
            del job  # an idle thread may not keep what its last job held
            job = self._next(inbox)

    def _next(self, inbox: _Inbox) -> _Job | None:
        with self._lock:
            self._idle.append(inbox)
        with suppress(queue.Empty):
            return inbox.get(timeout=self._idle_s)
        with self._lock:
            if inbox in self._idle:
                self._idle.remove(inbox)
                self._threads -= 1
                return None
        return inbox.get()  # taken in this moment: its job is on the way

    def forget(self) -> None:
        """Start anew without threads; in a forked child there are none."""
        self._lock = threading.Lock()
        self._idle = []
        self._threads = 0


_POOL = ElasticPool()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_POOL.forget)


def start_thread(job: _Job) -> None:
    """Start `job` at once in a thread of the process-wide pool; it may not raise."""
    _POOL.submit(job)


async def run_in_thread(func: Callable[..., T], *args: Any) -> T:
    """Return `func(*args)`, run in a thread of its own with the caller's context variables.

    What `func` starts by a synchronous door (aio/door.py) runs on the caller's loop. On cancellation that is cancelled
    and has ended before CancelledError is raised here; the door raises CancelledError in the thread, which then has
    0.25 s to end, and nothing starts from there any more. A thread that does something else is left at once: it cannot
    be stopped, and its result is discarded.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    context = copy_context()
    errands = Errands(loop)

    def job() -> None:
        of_this_thread.errands = errands
        try:
            value = context.run(func, *args)
        except StopIteration as error:
            # A future refuses StopIteration: in a coroutine it would read as a plain end.
            wrapped = RuntimeError(f"{getattr(func, '__name__', type(func).__name__)} raised StopIteration")
            wrapped.__cause__ = error
            report(_fail, wrapped)
        except BaseException as error:
            report(_fail, error)
        else:
            report(_succeed, value)
        finally:
            of_this_thread.errands = None

    def report(deliver: Callable[..., None], what: Any) -> None:
        with suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
            loop.call_soon_threadsafe(deliver, future, what)

    _POOL.submit(job)
    errands.await_thread()
    try:
        return await future
    except asyncio.CancelledError:
        if errands.under_way:
            future = loop.create_future()  # the first one has been cancelled; the thread still reports its end
            await errands.stop()
            await _unwinding(future)
        raise
    finally:
        if not loop.is_closed():
            errands.leave_thread()
            future.cancel()  # where this coroutine is closed, nobody looks at what the thread reports


async def _unwinding(ended: asyncio.Future[Any]) -> None:
    """Give a thread that was told to end a moment to do so: what ends by itself need not count as abandoned."""
    try:
        await asyncio.wait([ended], timeout=_UNWINDING_S)
    finally:
        if not ended.cancel():
            ended.exception()  # looked at: asyncio may not report it as never retrieved


def _succeed(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
