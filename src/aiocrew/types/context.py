"""What a run is given: where its effects go, who reads its events, and where time, ids and chance come from."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import msgspec

from aiocrew.errors import BlueprintError
from aiocrew.types.events import Event
from aiocrew.types.paths import Path
from aiocrew.types.ports import Clock, EventSink, Steps

__all__ = ["Here", "RunContext", "RunOptions", "Runtime", "active_runtime", "emitter", "here"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a run is to be carried out; every door takes one.

    deadline_s: seconds from the start after which the run ends with DeadlineExceededError, calls in flight included.
    """

    deadline_s: float | None = None

    def __post_init__(self) -> None:
        limit: Any = self.deadline_s
        if limit is not None and not (isinstance(limit, int | float) and 0 < limit < math.inf):
            raise BlueprintError(f"deadline_s={limit!r} must be a number of seconds above 0, or None for no deadline")


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The implementations behind the ports, for all runs that start under it."""

    steps: Steps
    clock: Clock
    new_id: Callable[[], str]
    chance: Callable[[], float]
    """A number in [0, 1), for jitter."""
    sinks: tuple[EventSink, ...] = ()


class RunContext(msgspec.Struct, frozen=True):
    """One run's identity and the way to its readers."""

    run_id: str
    crew: str
    runtime: Runtime
    now_s: Callable[[], float]
    """The clock's monotonic seconds."""
    emit: Callable[[Event], None]
    """Tells every reader of the run."""
    loop: asyncio.AbstractEventLoop | None = None
    """The loop that it is carried out on; None where nobody said."""

    @property
    def steps(self) -> Steps:
        return self.runtime.steps


class Here(msgspec.Struct, frozen=True):
    """Which step of which run the current code belongs to."""

    run: RunContext
    path: Path


class _ToAll:
    """Tells several readers. One object a run, where a closure would be three for the collector to look at."""

    __slots__ = ("_sinks",)

    def __init__(self, sinks: Sequence[EventSink]) -> None:
        self._sinks = sinks

    def __call__(self, event: Event) -> None:
        for sink in self._sinks:
            sink.emit(event)


def emitter(sinks: Sequence[EventSink]) -> Callable[[Event], None]:
    """Return a function that gives an event to every one of `sinks`."""
    return sinks[0].emit if len(sinks) == 1 else _ToAll(sinks)


active_runtime: ContextVar[Runtime | None] = ContextVar("aiocrew_runtime", default=None)
"""The runtime that new runs use; None is plain asyncio."""

here: ContextVar[Here | None] = ContextVar("aiocrew_here", default=None)
"""Set around every call of a model, a tool or a callback: what they do below belongs to that step."""
