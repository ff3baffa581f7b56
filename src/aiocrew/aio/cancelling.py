"""Telling a cancellation of the current task from a CancelledError that somebody raised, or swallowed.

A task counts the cancellations that it was asked for (`Task.cancelling()`). What matters to a piece of work is whether
that number grew since the work began: code above may have been cancelled before, and gone on.
"""

from __future__ import annotations

import asyncio

__all__ = [
    "cancel_is_on_its_way",
    "cancel_pending",
    "cancelled_since",
    "cancels",
    "deliver_cancel_since",
    "raise_if_cancelled_since",
]


def cancels(loop: asyncio.AbstractEventLoop | None = None) -> int:
    """Return how often the current task has been asked to stop.

    `loop` is the running one, for who knows it: Python 3.11 asks the system for the process id whenever it is asked for
    the running loop, and a run would ask often.
    """
    task = asyncio.current_task(loop)
    return 0 if task is None else task.cancelling()


def cancel_pending() -> bool:
    """Return whether the current task has been asked to stop, ever."""
    return cancels() > 0


def cancel_is_on_its_way() -> bool:
    """Return whether the current task has been asked to stop and hears of it when it next awaits something.

    Code that blocks instead would not hear of it at all. False where Python's tasks do not tell.
    """
    return getattr(asyncio.current_task(), "_must_cancel", False)


def cancelled_since(before: int, loop: asyncio.AbstractEventLoop | None = None) -> bool:
    """Return whether the current task was asked to stop since `cancels()` gave `before`."""
    return cancels(loop) > before


def raise_if_cancelled_since(before: int, loop: asyncio.AbstractEventLoop | None = None) -> None:
    """Raise CancelledError if the current task was asked to stop since then, and somebody's code swallowed that."""
    if cancels(loop) > before:
        raise asyncio.CancelledError


async def deliver_cancel_since(before: int, loop: asyncio.AbstractEventLoop | None = None) -> None:
    """Raise CancelledError if the current task was asked to stop since then, told of it or not.

    An error that arrives in the tick of a cancellation would otherwise be raised in its place, and the caller would
    take a stopped run for a failed one.
    """
    if cancels(loop) > before:
        await asyncio.sleep(0)  # where the loop has not delivered it yet, it does so here, and only once
        raise asyncio.CancelledError
