"""One event on its way to one handler."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from aiocrew.aio.cancelling import cancelled_since, cancels
from aiocrew.aio.door import blocks_a_loop, run_sync
from aiocrew.aio.functions import is_async, name_of
from aiocrew.types.context import here

__all__ = ["LOG", "Handler", "Letter", "Reader", "Receipt", "context_of_handlers"]

LOG = logging.getLogger("aiocrew.events")

Handler: TypeAlias = Callable[[Any, Any], Any]
"""What is called with the source of an event and the event."""

_inside: ContextVar[int] = ContextVar("aiocrew_inside_handlers", default=0)
"""Within how many handlers, one begun by the other, the code runs."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A handler, with what is to be known of it whenever it is called."""

    handler: Handler
    module: str
    is_async: bool
    """It is called on an event loop: an async function, a partial one, or an object that is called like one."""

    @classmethod
    def of(cls, handler: Handler) -> Reader:
        """Look at a handler."""
        given: Any = handler
        inner = given.func if isinstance(given, partial) else given
        return cls(handler, getattr(inner, "__module__", None) or "?", is_async(inner))


class Receipt:
    """Is done when all letters of one event have been dealt with, however that went."""

    def __init__(self, letters: int) -> None:
        self.future: Future[None] = Future()
        self.future.set_running_or_notify_cancel()  # who stops waiting for it cancels no handler
        self._left = letters
        self._lock = threading.Lock()

    def one_less(self) -> None:
        """One more letter has been dealt with."""
        with self._lock:
            self._left -= 1
            last = not self._left
        if last:
            self.future.set_result(None)


class Letter:
    """An event for one handler. What the handler raises is logged, and harms nobody."""

    __slots__ = ("_context", "_event", "_receipt", "_source", "reader")

    def __init__(self, reader: Reader, source: Any, event: Any, context: Context, receipt: Receipt | None) -> None:
        self.reader = reader
        self._source = source
        self._event = event
        self._receipt = receipt
        self._context = context
        """The context variables of the code that the event comes from."""

    @property
    def depth(self) -> int:
        """Within how many handlers it is read: 1, or more for what a handler itself has begun."""
        return self._context.get(_inside, 1)

    def read(self) -> None:
        """Have the handler called in this thread; an async one has an event loop of its own."""
        try:
            if self.reader.is_async:
                run_sync(self.aread)
            else:
                self._context.run(self.reader.handler, self._source, self._event)
        except BaseException as error:
            self._report(error)

    async def aread(self) -> None:
        """Await an async handler. Raises CancelledError when the task that awaits this is cancelled."""
        before = cancels()
        try:
            await _Within(self._context, self._handled())
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and cancelled_since(before):
                raise
            self._report(error)

    async def _handled(self) -> None:
        await self.reader.handler(self._source, self._event)

    def _report(self, error: BaseException) -> None:
        LOG.error(
            "the handler %s of %s failed", name_of(self.reader.handler), type(self._event).__name__, exc_info=error
        )

    def done(self) -> None:
        """It has been dealt with. A second time does nothing."""
        receipt, self._receipt = self._receipt, None
        if receipt is not None:
            receipt.one_less()


def context_of_handlers() -> Context:
    """Return a copy of the context of the code that runs here, in which no run is under way.

    What a handler starts is no part of the run that it is told of: it may go on when that has ended.
    """
    context = copy_context()
    context.run(_outside)
    return context


def _outside() -> None:
    _inside.set(_inside.get() + 1)
    here.set(None)
    blocks_a_loop.set(False)


class _Within(Generator[Any, Any, None]):
    """Awaits a coroutine that sees and sets the variables of `context`: one task reads the letters of many requests."""

    def __init__(self, context: Context, work: Coroutine[Any, Any, None]) -> None:
        self._context = context
        self._work = work

    def __await__(self) -> Generator[Any, Any, None]:
        return self

    def send(self, value: Any, /) -> Any:
        return self._context.run(self._work.send, value)

    def throw(self, *error: Any) -> Any:
        return self._context.run(self._work.throw, *error)
