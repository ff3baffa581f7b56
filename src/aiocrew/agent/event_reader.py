"""Who reads a run's events at their own pace, on whichever loop: the run only puts them down."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Generic, Protocol, TypeAlias, TypeVar
from weakref import ReferenceType, ref

from aiocrew.agent.wanted_chunks import Wish
from aiocrew.errors import UsageError
from aiocrew.types.events import Event

__all__ = ["Buffer", "EventReader", "Relay"]

S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)


class Buffer(Protocol[S_co]):
    """What a reader has not read yet, of whatever it makes of the events; only one thread at a time is in it."""

    def push(self, event: Event) -> None:
        """Take an event in. It never waits."""
        ...

    def pop(self) -> S_co | None:
        """Return the oldest item and forget it; None when there is none."""
        ...


class EventReader(Generic[S]):
    """A sink that keeps what its buffer makes of events until it is read. Any thread may tell it, any one read."""

    __slots__ = ("__weakref__", "_buffer", "_ended", "_lock", "_wake")

    def __init__(self, buffer: Buffer[S]) -> None:
        self._buffer = buffer
        self._ended = False
        self._lock = threading.Lock()
        self._wake: Callable[[], None] | None = None

    def emit(self, event: Event) -> None:
        """Keep `event`; after the end it is left out."""
        with self._lock:
            if self._ended:
                return
            self._buffer.push(event)
            wake, self._wake = self._wake, None
        if wake is not None:
            wake()

    def end(self) -> None:
        """Let nothing come any more. What is there can still be read."""
        with self._lock:
            self._ended = True
            wake, self._wake = self._wake, None
        if wake is not None:
            wake()

    def leave(self) -> None:
        """Let nothing come any more, and forget what is there."""
        self.end()
        with self._lock:
            while self._buffer.pop() is not None:
                pass

    async def next(self) -> S | None:
        """Return the next item, as soon as it is there; None after the last one.

        Raises UsageError while somebody else waits here: a reader has one place to go on from.
        """
        while True:
            with self._lock:
                item = self._buffer.pop()
                if item is not None or self._ended:
                    return item
                if self._wake is not None:
                    raise UsageError("two tasks read one stream of events: give each of them a stream of its own")
                loop = asyncio.get_running_loop()
                waiter: asyncio.Future[None] = loop.create_future()
                self._wake = wake = partial(_wake_up, waiter, loop, threading.get_ident())
            try:
                await waiter
            finally:
                with self._lock:
                    if self._wake is wake:
                        self._wake = None


def _wake_up(waiter: asyncio.Future[None], loop: asyncio.AbstractEventLoop, thread: int) -> None:
    with suppress(RuntimeError):  # the reader's loop was closed: nobody waits any more
        if thread == threading.get_ident():
            _open(waiter)
        else:
            loop.call_soon_threadsafe(_open, waiter)


def _open(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


_Known: TypeAlias = ReferenceType[EventReader[Event]]


class Relay:
    """A sink of one run that tells those who read it just then. It keeps none of them alive.

    It is a Wish as well: replies come in pieces while anybody reads, or while the `outer` run's are to.
    """

    __slots__ = ("_ended", "_lock", "_readers", "outer")

    def __init__(self) -> None:
        self.outer: Wish | None = None
        self._readers: tuple[_Known, ...] = ()
        self._lock = threading.Lock()
        self._ended = False

    @property
    def wanted(self) -> bool:
        return self.is_read or (self.outer is not None and self.outer.wanted)

    @property
    def is_read(self) -> bool:
        return any(known() is not None for known in self._readers)

    def emit(self, event: Event) -> None:
        for known in self._readers:
            reader = known()
            if reader is not None:
                reader.emit(event)

    def add(self, reader: EventReader[Event]) -> None:
        """Tell `reader` everything from now on; nothing any more where the run has ended."""
        with self._lock:
            if not self._ended:
                self._readers = (*self._but(reader), ref(reader))
                return
        reader.end()

    def drop(self, reader: EventReader[Event]) -> None:
        """Tell `reader` nothing any more."""
        with self._lock:
            self._readers = self._but(reader)

    def _but(self, reader: EventReader[Event]) -> tuple[_Known, ...]:
        """Return the others, without those that nobody holds any more."""
        alive = [(known, known()) for known in self._readers]
        return tuple([known for known, other in alive if other is not None and other is not reader])

    def end(self) -> None:
        """Let every reader come to its end."""
        with self._lock:
            self._ended = True
            readers, self._readers = self._readers, ()
        for known in readers:
            reader = known()
            if reader is not None:
                reader.end()
