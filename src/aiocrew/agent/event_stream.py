"""The events of a run as they happen, for whoever iterates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import replace
from types import AsyncGeneratorType, TracebackType
from typing import Any, Generic, Self, TypeVar, cast

from aiocrew.agent.event_buffer import EventBuffer
from aiocrew.agent.event_reader import Buffer, EventReader
from aiocrew.agent.wanted_chunks import ALWAYS, chunk_wish
from aiocrew.aio.background import Background
from aiocrew.aio.runtime import local_runtime
from aiocrew.errors import UsageError
from aiocrew.types.context import RunOptions, active_runtime
from aiocrew.types.events import Event
from aiocrew.types.ports import EventSink

__all__ = ["EventStream", "RunEvents", "RunStream", "StreamDoor", "StreamNotEndedError"]

S = TypeVar("S")
T = TypeVar("T")


class StreamNotEndedError(UsageError, RuntimeError):
    """What a stream ends with was asked for before its end. A RuntimeError too: programs for CrewAI catch that one."""


class _Progress(Generic[T]):
    """How far a stream is, for those who hold it and for the work behind it."""

    __slots__ = ("error", "given", "is_over", "loop", "work")

    def __init__(self) -> None:
        self.work: Background[T] | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        """On which it works."""
        self.given: tuple[T] | None = None
        self.error: Exception | None = None
        self.is_over = False


_around: ContextVar[tuple[_Progress[Any], ...]] = ContextVar("aiocrew_streams_around", default=())
"""The streams that are read of the run which the current code is part of."""


class RunStream(Generic[S, T]):
    """What a buffer makes of the events of one run and of the runs inside it; an EventStream says when.

    T: what the run gives at its end.
    """

    __slots__ = ("_items", "_progress")

    def __init__(self, begin: Callable[[], Coroutine[Any, Any, T]], buffer: Buffer[S]) -> None:
        """`begin` makes what carries the run out; it is called when the iteration begins."""
        self._progress = _Progress[T]()
        # The generator knows nothing of the stream: so the stream is in no circle, and ends when nobody holds it.
        events = _events(begin, EventReader(buffer), self._progress)
        self._items = cast("AsyncGeneratorType[S, None]", events)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> AsyncIterator[S]:
        return self

    async def __anext__(self) -> S:
        return await self._items.__anext__()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: iterate it with `async for`, best inside `async with`>"

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or was left."""
        return self._progress.is_over

    @property
    def is_whole(self) -> bool:
        """Whether it came to the run's end: then there is an output, or the run's error."""
        return self._progress.given is not None or self._progress.error is not None

    @property
    def output(self) -> T:
        """What the run gave. Raises the run's error where it failed, and StreamNotEndedError before the end."""
        progress = self._progress
        if progress.error is not None:
            raise progress.error
        if progress.given is None:
            raise StreamNotEndedError(
                "the stream was left before its end, so there is no output"
                if progress.is_over
                else "the stream has not ended yet: iterate over all of it before you ask for what it ends with"
            )
        return progress.given[0]

    async def aclose(self) -> None:
        """End the stream: the run is cancelled if it has not ended, and has ended when this returns.

        Where another task iterates it, that iteration ends too. Raises UsageError inside the run itself.
        """
        progress = self._progress
        if progress in _around.get():
            raise UsageError("a stream cannot be closed from within its own run: it would wait for its own end")
        progress.is_over = True
        if progress.work is not None:
            await progress.work.stop()
        if not self._items.ag_running:  # else whoever waits in it comes to its end
            await self._items.aclose()

    def leave(self) -> None:
        """Ask for the stream's end, from any thread; whoever iterates it comes to the end as soon as the run has."""
        progress = self._progress
        progress.is_over = True
        work, loop = progress.work, progress.loop
        if work is not None and loop is not None:
            with suppress(RuntimeError):  # its loop was closed
                loop.call_soon_threadsafe(work.cancel)


class EventStream(RunStream[Event, T]):
    """The events of one run and of the runs inside it: `async for event in crew.stream(inputs)`.

    The run begins with the iteration, which ends after the run's last event; where the run failed it raises the error
    then. While the stream is read, replies of models come in pieces (LLMStreamChunk), as far as the models can.

    A reader that is slow delays nothing: at most 10,000 events wait for it. Beyond that, pieces of a reply are joined,
    and then the oldest events go; an EventsMissed in their place says how many. The beginning and the end of the run
    always come.

    Leaving the iteration early cancels the run. It has ended when an `async with` block around the iteration is left,
    or when `aclose` returns; where a bare `async for` is left, it ends as soon as nobody holds the stream. It can be
    iterated once.
    """

    __slots__ = ()

    def __init__(self, begin: Callable[[], Coroutine[Any, Any, T]], buffer: EventBuffer | None = None) -> None:
        """`begin` makes what carries the run out; it is called when the iteration begins."""
        super().__init__(begin, EventBuffer() if buffer is None else buffer)


async def _events(
    begin: Callable[[], Coroutine[Any, Any, T]], reader: EventReader[S], progress: _Progress[T]
) -> AsyncGenerator[S]:
    if progress.is_over:
        return
    progress.loop = asyncio.get_running_loop()
    progress.work = work = Background(_carried_out(begin, reader, progress))
    try:
        while (item := await reader.next()) is not None and not progress.is_over:
            yield item
        if not progress.is_over:  # else somebody closed it
            progress.given = (await work.join(),)
    except Exception as error:
        progress.error = error
        raise
    finally:
        progress.is_over = True
        await work.stop()
        progress.work = progress.loop = None


async def _carried_out(
    begin: Callable[[], Coroutine[Any, Any, T]], reader: EventReader[Any], progress: _Progress[T]
) -> T:
    """Return what `begin` gives, with everything that it starts told to `reader`. It is the whole of its task."""
    _let_read(reader)
    chunk_wish.set(ALWAYS)
    _around.set((*_around.get(), progress))
    try:
        return await begin()
    finally:
        reader.end()


def _let_read(sink: EventSink) -> None:
    """Let `sink` read the runs that the current task makes from now on."""
    runtime = local_runtime()
    active_runtime.set(replace(runtime, sinks=(*runtime.sinks, sink)))


class RunEvents:
    """The events of a run from now on, and of the runs inside it: `async for event in run.events()`.

    It ends after the run's last event, whatever became of the run. Leaving it does not touch the run. For a slow reader
    the same holds as for an EventStream.
    """

    __slots__ = ("_leave", "_reader")

    def __init__(self, reader: EventReader[Event], leave: Callable[[EventReader[Event]], None]) -> None:
        self._reader = reader
        self._leave = leave

    async def __aenter__(self) -> RunEvents:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        event = await self._reader.next()
        if event is None:
            raise StopAsyncIteration
        return event

    async def aclose(self) -> None:
        """Read no more; the run goes on."""
        self._leave(self._reader)
        self._reader.leave()


class StreamDoor(Generic[T]):
    """What `crew.stream` and `flow.stream` are: `crew.stream(inputs)` gives the events of one run.

    As a truth value it is the setting of that name: whether `kickoff` gives chunks of text, as CrewAI's does.
    """

    __slots__ = ("_is_on", "_open")

    def __init__(
        self, opened: Callable[[Mapping[str, Any] | None, RunOptions | None], EventStream[T]], *, is_on: bool
    ) -> None:
        self._open = opened
        self._is_on = is_on

    def __call__(self, inputs: Mapping[str, Any] | None = None, *, options: RunOptions | None = None) -> EventStream[T]:
        """Return the events of one run; no work is done before they are iterated. Raises BlueprintError as kickoff."""
        return self._open(inputs, options)

    def __bool__(self) -> bool:
        return self._is_on

    def __eq__(self, other: object) -> bool:
        if isinstance(other, StreamDoor):
            return self._is_on == bool(cast("StreamDoor[Any]", other))
        return self._is_on == other if isinstance(other, int) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._is_on)

    def __repr__(self) -> str:
        return repr(self._is_on)
