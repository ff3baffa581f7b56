"""Telling a cancellation of the current task from a CancelledError that somebody raised."""

from __future__ import annotations

import asyncio

__all__ = ["cancel_pending", "deliver_pending_cancel"]


def cancel_pending() -> bool:
    """Return whether the current task has been asked to stop (`Task.cancelling()`)."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def deliver_pending_cancel() -> None:
    """Raise CancelledError if the current task was cancelled and has not been told yet.

    An error that arrives in the tick of a cancellation would otherwise be raised in its place, and the caller would
    take a stopped run for a failed one.
    """
    if cancel_pending():
        await asyncio.sleep(0)
