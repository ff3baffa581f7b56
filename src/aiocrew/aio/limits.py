"""Time limits that end what is under way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType

__all__ = ["TimeLimit", "time_limit"]


class TimeLimit:
    """Raises `error()` in place of the block's end when `seconds` have passed; None sets no limit.

    What is awaited in the block is cancelled. A cancellation from outside is left alone.
    """

    __slots__ = ("_error", "_seconds", "_timeout")

    def __init__(self, seconds: float | None, error: Callable[[], Exception]) -> None:
        self._seconds = seconds
        self._error = error
        self._timeout: asyncio.Timeout | None = None

    async def __aenter__(self) -> None:
        if self._seconds is not None:
            self._timeout = asyncio.timeout(self._seconds)
            await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._timeout is None:
            return
        try:
            await self._timeout.__aexit__(kind, error, traceback)
        except TimeoutError:
            raise self._error() from None


def time_limit(seconds: float | None, error: Callable[[], Exception]) -> TimeLimit:
    """Return a block that ends after `seconds` with `error()`; None sets no limit."""
    return TimeLimit(seconds, error)
