"""What every run has, whatever it carries out: its identity, its readers, its terms, its deadline, and one error."""

from __future__ import annotations

import asyncio
import reprlib
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar

from aiocrew.agent.usage import Spending, UsageCounter
from aiocrew.aio.cancelling import cancelled_since, cancels, deliver_cancel_since
from aiocrew.aio.limits import time_limit
from aiocrew.aio.runtime import local_runtime
from aiocrew.aio.starting import turn_to_begin
from aiocrew.errors import AiocrewError, BlueprintError, DeadlineExceededError, Location
from aiocrew.types.context import Here, RunContext, RunOptions, Runtime, everywhere, here
from aiocrew.types.paths import ROOT, Path, child
from aiocrew.types.ports import EventSink
from aiocrew.types.terms import USUAL_TERMS, Pace, Terms
from aiocrew.types.usage import UsageMetrics

__all__ = ["RunFrame", "checked_inputs", "checked_options"]

T = TypeVar("T")

_DEFAULTS = RunOptions()


class RunFrame(Generic[T]):
    """A run that is carried out once. A subclass says what it does, and what the events of it are."""

    __slots__ = ("_counter", "_ended_s", "_options", "_runtime", "_started_s", "run_id")

    def __init__(self, options: RunOptions | None, runtime: Runtime | None = None) -> None:
        """Raises BlueprintError when `options` are none. `runtime`: in place of the active one."""
        self._options = _DEFAULTS if options is None else checked_options(options)
        self._runtime = runtime or _runtime_here()
        self._counter = UsageCounter()
        self._started_s = self._ended_s = 0.0
        self.run_id = self._runtime.new_id()

    @property
    def usage(self) -> UsageMetrics:
        """The tokens used so far."""
        return self._counter.total()

    @property
    def spending(self) -> Spending:
        """The calls completed so far, and what they cost."""
        return self._counter.costing()

    async def carry_out(self) -> T:
        """Return what the run gives. Raises one error, located; a cancellation in its tick wins over it."""
        run = self._begin()
        before = cancels(run.loop)
        try:
            if self._options.deadline_s is None:
                result = await self._in_its_turn(run)
            else:
                async with time_limit(self._options.deadline_s, self._too_late):
                    try:
                        result = await self._in_its_turn(run)
                    except Exception:  # the user's code may make an error of the cancellation by the deadline
                        await deliver_cancel_since(before, run.loop)
                        raise
        except asyncio.CancelledError:
            self._fail(run, "cancelled", cancelled=True)
            raise
        except Exception as error:
            if cancelled_since(before, run.loop):
                self._fail(run, "cancelled", cancelled=True)
                await deliver_cancel_since(before, run.loop)
            failure = error.located(self._at()) if isinstance(error, AiocrewError) else error
            self._fail(run, repr(failure))
            raise failure from failure.__cause__
        self._ended_s = run.now_s()
        self._tell_completed(run, result)
        return result

    def _in_its_turn(self, run: RunContext) -> Awaitable[T]:
        turn = None if run.loop is None else turn_to_begin(run.loop)
        return self._work(run) if turn is None else self._after(turn, run)

    async def _after(self, turn: Awaitable[None], run: RunContext) -> T:
        await turn
        return await self._work(run)

    def _begin(self) -> RunContext:
        runtime, outer, own = self._runtime, here.get(), self._own_readers()
        above: tuple[EventSink, ...] = () if outer is None else outer.run.inherited
        readers = self._counter
        readers.add(*runtime.sinks, *everywhere(), *own, *above)
        now_s = runtime.clock.monotonic_s
        run = RunContext(
            run_id=self.run_id,
            crew=self._name(),
            runtime=runtime,
            now_s=now_s,
            loop=asyncio.get_running_loop(),
            readers=readers,
            terms=self._terms(outer),
            root=ROOT if outer is None else _root_in(outer),
            inherited=(*above, *self._inherited(own)),
            human=self._options.human or (None if outer is None else outer.run.human),
            epoch_s=runtime.clock.wall_s() - now_s(),
        )
        self._started_s = self._ended_s = run.now_s()
        self._tell_begun(run, "" if outer is None else outer.run.run_id)
        return run

    def add_reader(self, sink: EventSink) -> None:
        """Let `sink` read the run's events from now on."""
        self._counter.add(sink)

    def drop_reader(self, sink: EventSink) -> None:
        """Let `sink` read no more."""
        self._counter.drop(sink)

    def _terms(self, outer: Here | None) -> Terms:
        pace = self._pace()
        if outer is None and pace is None and self._options is _DEFAULTS:
            return USUAL_TERMS  # nearly every run
        return self._options.terms(pace, None if outer is None else outer.run.terms)

    def _too_late(self) -> DeadlineExceededError:
        seconds = self._options.deadline_s or 0.0
        return DeadlineExceededError(f"the run took longer than its deadline of {seconds:g} s", limit_s=seconds)

    def _fail(self, run: RunContext, error: str, *, cancelled: bool = False) -> None:
        self._ended_s = run.now_s()
        self._tell_failed(run, error, cancelled)

    # What a subclass says

    def _name(self) -> str:
        raise NotImplementedError

    def _at(self) -> Location:
        """Return where an error happened that no part of the run has located."""
        return Location(self._name())

    def _pace(self) -> Pace | None:
        return None

    def _own_readers(self) -> tuple[EventSink, ...]:
        """Return the readers that the run's own blueprint asks for."""
        return ()

    def _inherited(self, readers: tuple[EventSink, ...]) -> tuple[EventSink, ...]:
        """Return the readers that runs inside this one report to as well."""
        return ()

    async def _work(self, run: RunContext) -> T:
        raise NotImplementedError

    def _tell_begun(self, run: RunContext, outer: str) -> None:
        raise NotImplementedError

    def _tell_completed(self, run: RunContext, result: T) -> None:
        raise NotImplementedError

    def _tell_failed(self, run: RunContext, error: str, cancelled: bool) -> None:
        raise NotImplementedError


def _runtime_here() -> Runtime:
    outer, active = here.get(), local_runtime()
    if outer is None or outer.is_step:
        return active
    # In a flow's method, which is no step, the steps of what it starts are the flow's: they are recorded with its own.
    # Who reads what is made in a block of that method reads on.
    flows = outer.run.runtime
    more = tuple(sink for sink in active.sinks if sink not in flows.sinks)
    return replace(flows, sinks=(*flows.sinks, *more)) if more else flows


def _root_in(outer: Here) -> Path:
    return child(outer.path, "run-0") if outer.nest is None else outer.nest.next(outer.path)


def checked_options(options: RunOptions) -> RunOptions:
    """Return `options`. Raises BlueprintError when they are none."""
    if not isinstance(options, RunOptions):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise BlueprintError(f"options={reprlib.repr(options)} must be RunOptions(deadline_s=..., budget=..., ...)")
    return options


def checked_inputs(inputs: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a copy of a run's inputs. Raises BlueprintError for what is no mapping of texts to values."""
    if inputs is not None and not isinstance(inputs, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise BlueprintError(f"inputs={reprlib.repr(inputs)} must be a dict that gives each {{placeholder}} its value")
    if inputs is None:
        return None
    for name in inputs:
        if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise BlueprintError(f"inputs={reprlib.repr(inputs)} must have texts as its keys: they name placeholders")
    return dict(inputs)
