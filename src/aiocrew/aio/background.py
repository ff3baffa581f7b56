"""One coroutine under way while its owner does other things."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

__all__ = ["Background"]

T = TypeVar("T")


class Background(Generic[T]):
    """A task whose owner joins or stops it; the owner is a block that is not left before."""

    __slots__ = ("_task",)

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self._task = asyncio.get_running_loop().create_task(work)

    def cancel(self) -> None:
        self._task.cancel()

    @property
    def ended(self) -> bool:
        return self._task.done()

    async def join(self) -> T:
        """Return the result or raise what the work raised. Being cancelled here leaves the work alone."""
        await asyncio.wait([self._task])
        return self._task.result()

    async def stop(self) -> None:
        """Cancel the work and wait for its end, also when cancelled meanwhile (which is then passed on)."""
        self._task.cancel()
        cancelled: asyncio.CancelledError | None = None
        while not self._task.done():
            try:
                await asyncio.wait([self._task])
            except asyncio.CancelledError as again:
                cancelled = again
        if not self._task.cancelled():
            self._task.exception()  # looked at: asyncio may not report it as never retrieved
        if cancelled is not None:
            raise cancelled
