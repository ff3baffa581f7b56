"""A block that can be ended from beside it: what is awaited in it is cancelled, and the block swallows just that."""

from __future__ import annotations

import asyncio
from types import TracebackType

__all__ = ["Stoppable"]


class Stoppable:
    """`async with Stoppable() as block`: `block.stop()` ends it, and the code after it goes on.

    The cancellation of stop() is counted as asyncio.timeout counts its own. Any other one passes, also one that comes
    together with it; so does an error that the block's clean-up raises. Where the block's code swallows the
    cancellation it goes on to its end. A stop() after the block has no effect.
    """

    __slots__ = ("_cancels_before", "_open", "_task", "stopped")

    def __init__(self) -> None:
        self.stopped = False
        """Whether stop() came in time."""
        self._open = False

    async def __aenter__(self) -> Stoppable:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a block that can be stopped needs a task that it can cancel")
        self._task: asyncio.Task[object] = task
        self._cancels_before = task.cancelling()
        self._open = True
        return self

    def stop(self) -> None:
        """Cancel what is awaited in the block, once. To be called on the block's loop."""
        if self._open and not self.stopped:
            self.stopped = True
            self._task.cancel()

    def close(self) -> None:
        """Let no stop() have an effect from now on, though the block is not left yet."""
        self._open = False

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        self._open = False
        if not self.stopped:
            return False
        if kind is not asyncio.CancelledError:
            await self._take_the_cancellation()
        return self._task.uncancel() <= self._cancels_before and kind is asyncio.CancelledError

    async def _take_the_cancellation(self) -> None:
        """Let the loop deliver the cancellation here, where the block has ended without awaiting anything since."""
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            if self._task.cancelling() > self._cancels_before + 1:
                self._task.uncancel()
                raise
