"""The events of a run as they happen, for whoever iterates."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Generic, TypeVar

from aiocrew.agent.event_reader import EventReader
from aiocrew.agent.wanted_chunks import ALWAYS, chunk_wish
from aiocrew.aio.background import Background
from aiocrew.aio.runtime import local_runtime
from aiocrew.errors import UsageError
from aiocrew.types.context import RunOptions, active_runtime
from aiocrew.types.events import Event

__all__ = ["EventStream", "RunEvents", "StreamDoor", "StreamNotEndedError"]

T = TypeVar("T")


class StreamNotEndedError(UsageError, RuntimeError):
    """What a stream ends with was asked for before its end. A RuntimeError too: programs for CrewAI catch that one."""


class _Ending(Generic[T]):
    """How a stream ended, as soon as it has."""

    __slots__ = ("error", "given", "left")

    def __init__(self) -> None:
        self.given: tuple[T] | None = None
        self.error: Exception | None = None
        self.left = False


class EventStream(Generic[T]):
    """The events of one run and of the runs inside it: `async for event in crew.stream(inputs)`.

    The run begins with the iteration, which ends after the run's last event; where the run failed it raises the error
    then. While the stream is read, replies of models come in pieces (LLMStreamChunk), as far as the models can.

    A reader that is slow delays nothing: at most 1,000 events wait for it. Beyond that, pieces of a reply are joined,
    and then the oldest events go; an EventsMissed in their place says how many. The beginning and the end of the run
    always come.

    Leaving the iteration early cancels the run. It has ended when an `async with` block around the iteration is left,
    or when `aclose` returns; where a bare `async for` is left, it ends as soon as nobody holds the stream. It can be
    iterated once.
    """

    __slots__ = ("_ending", "_events")

    def __init__(self, begin: Callable[[], Coroutine[Any, Any, T]]) -> None:
        """`begin` makes what carries the run out; it is called when the iteration begins."""
        self._ending = _Ending[T]()
        # The generator knows nothing of the stream: so the stream is in no circle, and ends when nobody holds it.
        self._events = _events(begin, self._ending)

    async def __aenter__(self) -> EventStream[T]:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        return await self._events.__anext__()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: iterate it with `async for`, best inside `async with`>"

    @property
    def is_whole(self) -> bool:
        """Whether it came to the run's end: then there is an output, or the run's error."""
        return self._ending.given is not None or self._ending.error is not None

    @property
    def output(self) -> T:
        """What the run gave. Raises the run's error where it failed, and StreamNotEndedError before the end."""
        ending = self._ending
        if ending.error is not None:
            raise ending.error
        if ending.given is None:
            raise StreamNotEndedError(
                "the stream was left before its end, so there is no output"
                if ending.left
                else "the stream has not ended yet: iterate over all of it before you ask for the output"
            )
        return ending.given[0]

    async def aclose(self) -> None:
        """End the stream: the run is cancelled if it has not ended, and has ended when this returns."""
        await self._events.aclose()
        self._ending.left = True


async def _events(begin: Callable[[], Coroutine[Any, Any, T]], ending: _Ending[T]) -> AsyncGenerator[Event]:
    reader = EventReader()
    work = Background(_carried_out(begin, reader))
    try:
        while (event := await reader.next()) is not None:
            yield event
        ending.given = (await work.join(),)
    except Exception as error:
        ending.error = error
        raise
    finally:
        ending.left = True
        await work.stop()


async def _carried_out(begin: Callable[[], Coroutine[Any, Any, T]], reader: EventReader) -> T:
    """Return what `begin` gives, with everything that it starts told to `reader`. It is the whole of its task."""
    runtime = local_runtime()
    active_runtime.set(replace(runtime, sinks=(*runtime.sinks, reader)))
    chunk_wish.set(ALWAYS)
    try:
        return await begin()
    finally:
        reader.end()


class RunEvents:
    """The events of a run from now on, and of the runs inside it: `async for event in run.events()`.

    It ends after the run's last event, whatever became of the run. Leaving it does not touch the run. For a slow reader
    the same holds as for an EventStream.
    """

    __slots__ = ("_leave", "_reader")

    def __init__(self, reader: EventReader, leave: Callable[[EventReader], None]) -> None:
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
        return self._is_on == other if isinstance(other, bool) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._is_on)

    def __repr__(self) -> str:
        return repr(self._is_on)
