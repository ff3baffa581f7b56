"""What the floors ask of whoever is above or outside: each port has one to three methods."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Generic, Protocol, TypeAlias, TypeVar, runtime_checkable

import msgspec

from aiocrew.types.events import Event
from aiocrew.types.messages import Chunk, Reply, Request, Restart
from aiocrew.types.paths import Path

__all__ = [
    "Branch",
    "Branches",
    "Clock",
    "Effect",
    "EventSink",
    "Human",
    "Model",
    "Question",
    "Raised",
    "RestartingModel",
    "Returned",
    "Settled",
    "Steps",
    "StreamingModel",
]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@runtime_checkable
class Model(Protocol):
    """A language model. This one method is all that an agent needs of it.

    An attribute `tool_protocol = "text"` says that it has no native tool calls: they are then described and asked for
    in the text. A `price` (a Price) says what its tokens cost. An `identity` tells models of one class apart whose
    answers differ: what a batch's journal holds of one is not given for another.
    """

    async def reply(self, request: Request) -> Reply: ...


@runtime_checkable
class StreamingModel(Model, Protocol):
    """A model that can also give its reply in pieces: chunks of text, and the whole Reply at the end.

    It is asked to where its attribute `streams` is True.
    """

    def stream(self, request: Request) -> AsyncIterator[Chunk | Reply]: ...


@runtime_checkable
class RestartingModel(StreamingModel, Protocol):
    """A streaming model that asks again by itself where a reply broke off: who is told so can drop what had come.

    Runs ask it by `stream_with_restarts`, others who join pieces by `stream`: that one never begins anew.
    """

    def stream_with_restarts(self, request: Request) -> AsyncIterator[Chunk | Restart | Reply]:
        """Give what `stream` gives, and before every further attempt a Restart, which makes the chunks so far void."""
        ...


class Branch(msgspec.Struct, Generic[T_co], frozen=True):
    """Work that may go on beside other work, under the path that identifies it."""

    path: Path
    body: Callable[[], Awaitable[T_co]]


class Returned(msgspec.Struct, Generic[T_co], frozen=True):
    value: T_co


class Raised(msgspec.Struct, frozen=True):
    error: Exception


Settled: TypeAlias = Returned[T_co] | Raised


class Branches(Protocol[T]):
    """Branches under way: iterate for what became of each, in the order that the implementation decides."""

    def start(self, branch: Branch[T]) -> None:
        """Add a branch; it may depend on what the iteration gave so far."""
        ...

    def __aiter__(self) -> AsyncIterator[tuple[Path, Settled[T]]]: ...

    async def __anext__(self) -> tuple[Path, Settled[T]]:
        """Return the next branch that ended; StopAsyncIteration when none is left."""
        ...

    async def stop(self) -> list[tuple[Path, Settled[T]]]:
        """Cancel what has not ended; return what became of those that the iteration has not given yet.

        Branches that the cancellation ended are left out.
        """
        ...


class Effect(Protocol):
    """What a step is about to do: so that a recording can tell whether it is still the same."""

    @property
    def label(self) -> str:
        """What people call it: a tool's name."""
        ...

    @property
    def announced(self) -> bool:
        """Whether it changes something outside, so that its beginning is to be recorded too."""
        ...

    @property
    def repeatable(self) -> bool:
        """Whether it may be done again when it is not known how it ended."""
        ...

    def content(self) -> bytes:
        """Return what the result depends on; equal for equal effects, in every process."""
        ...


class Steps(Protocol):
    """The engine's only way to an effect and to parallel work."""

    def step(
        self, path: Path, body: Callable[[], Awaitable[T]], returns: type[T], effect: Effect | None = None
    ) -> Awaitable[T]:
        """Give what `body` gives; an implementation may record it, or give what it recorded before.

        `returns` is the type of the result: a record that JSON can hold. A step without an `effect` depends on its path
        and its run alone.
        """
        ...

    def branches(self, specs: Iterable[Branch[T]] = ()) -> AbstractAsyncContextManager[Branches[T]]:
        """Run branches side by side. On leaving, none is alive: those that have not ended are cancelled."""
        ...


class EventSink(Protocol):
    """A reader of events. It must return at once and may not raise: no reader can slow a run."""

    def emit(self, event: Event, /) -> object: ...


class Question(msgspec.Struct, frozen=True, gc=False):
    """What a human is asked: to judge an answer."""

    crew: str
    task: str
    agent: str
    answer: str
    run_id: str
    path: Path


class Clock(Protocol):
    """Time, from outside."""

    @property
    def monotonic_s(self) -> Callable[[], float]:
        """What gives the running loop's seconds when it is called; a run asks for it once."""
        ...

    def wall_s(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


@runtime_checkable
class Human(Protocol):
    """Whoever is asked where a task has human_input."""

    async def ask(self, question: Question) -> str:
        """Return what the human says; an empty text lets the answer stand."""
        ...
