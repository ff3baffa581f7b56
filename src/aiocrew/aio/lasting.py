"""A task that the end of its event loop leaves time to finish."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from typing import Any, TypeVar

__all__ = ["LastingTask"]

T = TypeVar("T")


class LastingTask(asyncio.Task[T]):
    """Work on the running loop whose owner does not wait for it.

    asyncio.run cancels every task that is left when its main one has ended, and waits for them. The first `cancel()`
    of this one takes effect `grace_s` seconds later, if it has not ended by then; the second one at once.
    """

    def __init__(self, work: Coroutine[Any, Any, T], *, grace_s: float, context: Context) -> None:
        super().__init__(work, loop=asyncio.get_running_loop(), context=context)
        self._grace_s = grace_s
        self._timer: asyncio.TimerHandle | None = None

    def cancel(self, msg: Any | None = None) -> bool:
        if self.done() or self._timer is not None:
            return super().cancel(msg)
        self._timer = timer = self.get_loop().call_later(self._grace_s, super().cancel, msg)
        self.add_done_callback(lambda _: timer.cancel())
        return True
