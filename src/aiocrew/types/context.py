"""What a run is given: where its effects go, who reads its events, and where time, ids and chance come from."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVarTuple, cast

import msgspec

from aiocrew.errors import BlueprintError
from aiocrew.types.events import Event
from aiocrew.types.paths import ROOT, Path, child
from aiocrew.types.ports import Clock, EventSink, Human, Steps
from aiocrew.types.terms import USUAL_TERMS, Pace, Purse, Terms

__all__ = [
    "Here",
    "Nest",
    "Readers",
    "RunContext",
    "RunOptions",
    "Runtime",
    "active_runtime",
    "everywhere",
    "here",
    "set_everywhere",
]

Details = TypeVarTuple("Details")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a run is to be carried out; every door takes one.

    deadline_s: seconds from the start after which the run ends with DeadlineExceededError, calls in flight included.
    budget: what the run may spend; one Budget may be shared by any number of runs.
    tenant: on whose behalf. Where calls have to wait for a provider's limit, tenants take turns, and so do the runs of
        one tenant.
    priority: from -10 to 10; each step up doubles the share of a waiting run. Nobody starves.
    grace_s: how long finally-blocks of tools, callbacks and models of one's own may take when the run is cancelled.
    human: who is asked where a task has human_input; None is the terminal.

    A run that is started inside another one (by a tool, by a flow) belongs to it: it has the other's tenant, priority
    and human unless it says so itself, and the other's budget pays as well.
    """

    deadline_s: float | None = None
    budget: Purse | None = None
    tenant: str | None = None
    priority: int | None = None
    grace_s: float = 5.0
    human: Human | None = None

    def __post_init__(self) -> None:
        deadline_s: Any = self.deadline_s
        if deadline_s is not None and not _is_seconds(deadline_s):
            raise BlueprintError(
                f"deadline_s={deadline_s!r} must be a number of seconds above 0, or None for no deadline"
            )
        if not _is_seconds(self.grace_s):
            raise BlueprintError(f"grace_s={self.grace_s!r} must be a number of seconds above 0")
        budget, tenant, priority = cast("tuple[Any, Any, Any]", (self.budget, self.tenant, self.priority))
        if budget is not None and not isinstance(budget, Purse):
            raise BlueprintError(f"budget={budget!r} must be a Budget(usd=..., tokens=..., requests=...)")
        if self.human is not None and not isinstance(cast("Any", self.human), Human):
            raise BlueprintError(f"human={self.human!r} must be an object with `async def ask(self, question)`")
        if tenant is not None and not isinstance(tenant, str):
            raise BlueprintError(f"tenant={tenant!r} must be a text")
        if priority is not None and not (type(priority) is int and -10 <= priority <= 10):
            raise BlueprintError(f"priority={priority!r} must be a whole number from -10 to 10")

    def terms(self, pace: Pace | None, outer: Terms | None) -> Terms:
        """Return the terms of a run with these options, inside a run that has the terms `outer`."""
        if outer is None:
            outer = USUAL_TERMS
        purses = outer.purses
        if self.budget is not None and self.budget not in purses:
            purses = tuple(sorted((*purses, self.budget), key=lambda purse: purse.order))
        tenant, priority = outer.flow
        return Terms(
            flow=(tenant if self.tenant is None else self.tenant, priority if self.priority is None else self.priority),
            purses=purses,
            pace=pace,
            # What runs inside a tool must have ended before that tool's own grace has.
            grace_s=self.grace_s if outer is USUAL_TERMS else min(self.grace_s, outer.grace_s / 2),
        )


def _is_seconds(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The implementations behind the ports, for all runs that start under it."""

    steps: Steps
    clock: Clock
    new_id: Callable[[], str]
    chance: Callable[[], float]
    """A number in [0, 1), for jitter."""
    sinks: tuple[EventSink, ...] = ()


class Readers:
    """Those who read the events of one run. One that fails is left out from then on: it may not harm the run."""

    __slots__ = ("sinks", "take")

    sinks: tuple[EventSink, ...]
    take: Callable[[Event], object] | None
    """Gives an event to all of them; None where nobody reads. A run tells a dozen events for each of its calls, nearly
    always to nobody or to one reader: then no frame stands between."""

    def __init__(self, sinks: tuple[EventSink, ...] = ()) -> None:
        self._read_by(sinks)

    def add(self, *sinks: EventSink) -> None:
        """Let `sinks` read from now on."""
        if sinks:
            self._read_by((*self.sinks, *sinks))

    def drop(self, sink: EventSink) -> None:
        """Let `sink` read no more."""
        self._read_by(tuple([other for other in self.sinks if other is not sink]))

    def emit(self, event: Event) -> None:
        """Tell every reader."""
        if self.take is not None:
            try:
                self.take(event)
            except Exception as error:
                self.leave_out(self.sinks[0], error)

    def leave_out(self, sink: EventSink, error: Exception) -> None:
        """Tell `sink` no more, because it raised `error`."""
        self.drop(sink)
        asyncio.get_running_loop().call_exception_handler(
            {"message": f"a reader of events failed and is left out: {sink!r}", "exception": error}
        )

    def _read_by(self, sinks: tuple[EventSink, ...]) -> None:
        self.sinks = sinks
        self.take = self._tell_each if sinks else None
        if len(sinks) == 1:  # one without `emit` is found out by the first event, and left out
            self.take = getattr(sinks[0], "emit", self.take)

    def _tell_each(self, event: Event) -> None:
        for sink in self.sinks:
            try:
                sink.emit(event)
            except Exception as error:
                self.leave_out(sink, error)


class RunContext(msgspec.Struct, frozen=True):
    """One run's identity and the way to its readers."""

    run_id: str
    crew: str
    runtime: Runtime
    now_s: Callable[[], float]
    """The clock's monotonic seconds."""
    readers: Readers
    loop: asyncio.AbstractEventLoop | None = None
    """The loop that it is carried out on; None where nobody said."""
    terms: Terms = USUAL_TERMS
    root: Path = ROOT
    """The path of the run itself; below another run's where it was started inside that one."""
    inherited: tuple[EventSink, ...] = ()
    """Readers that runs inside this one report to as well: a flow's."""
    human: Human | None = None
    epoch_s: float = 0.0
    """What makes wall time of monotonic time."""

    @property
    def steps(self) -> Steps:
        return self.runtime.steps

    def tell(self, kind: Callable[[str, Path, float, float, *Details], Event], path: Path, *details: *Details) -> None:
        """Tell the readers, if there are any, of the event `kind`, which happens now at `path`."""
        take = self.readers.take
        if take is None:
            return
        at_s = self.now_s()
        event = kind(self.run_id, path, at_s, at_s + self.epoch_s, *details)
        try:
            take(event)
        except Exception as error:  # of the only reader
            self.readers.leave_out(self.readers.sinks[0], error)


class Nest:
    """Where runs may be started inside another one: it numbers them in the order in which they start."""

    __slots__ = ("_started",)

    def __init__(self) -> None:
        self._started = 0

    def next(self, path: Path) -> Path:
        """Return the root of the next run that is started at `path`."""
        self._started += 1
        return child(path, f"run-{self._started - 1}")


class Here(msgspec.Struct, frozen=True, gc=False):
    """Which step of which run the current code belongs to. It is set around every `Steps.step`."""

    run: RunContext
    path: Path
    pace: Pace | None = None
    """The agent's own, beside the crew's in the run's terms."""
    nest: Nest | None = None
    """Set where the user's code runs, which may start runs of its own."""
    is_step: bool = True
    """The code is the body of one step; that of a flow's method is not, so runs inside it use the flow's own steps."""


active_runtime: ContextVar[Runtime | None] = ContextVar("aiocrew_runtime", default=None)
"""The runtime that new runs use; None is plain asyncio."""

here: ContextVar[Here | None] = ContextVar("aiocrew_here", default=None)
"""Set around every call of a model, a tool or a callback: what they do below belongs to that step."""

_everywhere: tuple[EventSink, ...] = ()


def everywhere() -> tuple[EventSink, ...]:
    """Return those who read the events of every run of the process."""
    return _everywhere


def set_everywhere(sinks: tuple[EventSink, ...]) -> None:
    """Let `sinks` read the events of every run that begins from now on; who changes them holds a lock of its own."""
    global _everywhere
    _everywhere = sinks
