"""The synchronous door: a coroutine run to its end from code that cannot await."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError as CancelledInThread
from concurrent.futures import Future
from contextlib import suppress
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

from aiocrew.aio.cancelling import cancel_is_on_its_way, cancels, raise_if_cancelled_since
from aiocrew.aio.errands import ended_within, of_this_thread
from aiocrew.aio.pool import start_thread
from aiocrew.aio.signals import waking

__all__ = ["blocks_a_loop", "loop_is_running", "run_sync"]

T = TypeVar("T")

_LOOK_EVERY_S = 0.1

blocks_a_loop: ContextVar[bool] = ContextVar("aiocrew_blocks_a_loop", default=False)
"""Set for work that a running loop waits for in a blocking way, and for all that this work starts.

Such work may not wait for anything that the blocked loop holds: it would never be given back.
"""


def loop_is_running() -> bool:
    """Return whether an event loop runs in this thread, so that blocking here blocks that loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def run_sync(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Return what the coroutine `main()` gives.

    In a thread that `run_in_thread` started from an event loop (a synchronous tool, callback or method) it runs on that
    loop, with this thread's context variables, and only this thread waits. In any other thread without a running loop
    it has a loop of its own in this thread. Inside a running loop (a notebook, with nest_asyncio or without) it has one
    in another thread, while this one waits; an interrupt cancels it and is raised when it has ended.

    CancelledError: the await of `run_in_thread` was cancelled, or its loop has ended; from then on nothing starts.
    """
    if loop_is_running():
        return _run_in_other_thread(main)
    errands = of_this_thread.errands
    return _run_here(main) if errands is None else errands.run(main)


def _run_here(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    # With a factory the Runner leaves the thread's current event loop alone, which belongs to the application.
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner, waking(runner.get_loop()):
        return runner.run(main())


def _run_in_other_thread(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    before = cancels()
    if cancel_is_on_its_way():
        raise asyncio.CancelledError
    outcome: Future[T] = Future()
    under_way: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = []
    interrupted = False

    async def observed() -> T:
        task = asyncio.current_task()
        assert task is not None
        under_way.append((asyncio.get_running_loop(), task))
        if interrupted:  # before there was anything to cancel
            raise asyncio.CancelledError
        return await main()

    context = copy_context()
    context.run(blocks_a_loop.set, True)

    def job() -> None:
        try:
            outcome.set_result(context.run(_run_here, observed))
        except BaseException as error:
            outcome.set_exception(error)

    start_thread(job)
    try:
        return _wait_for(outcome, before)
    except BaseException:
        interrupted = True
        if not outcome.done():  # the wait was interrupted, not the work
            for loop, task in under_way:
                with suppress(RuntimeError):
                    loop.call_soon_threadsafe(task.cancel)
            with suppress(CancelledInThread):
                outcome.exception()
        raise


def _wait_for(outcome: Future[T], before: int) -> T:
    """Return the result. CancelledError when the task that waits here is cancelled since `cancels()` gave `before`."""
    # asyncio.run answers Ctrl-C by cancelling its main task, which a blocked loop does not notice by itself.
    while not ended_within(outcome, _LOOK_EVERY_S):
        raise_if_cancelled_since(before)
    return outcome.result()
