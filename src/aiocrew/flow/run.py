"""One kickoff of a flow, from its inputs to its output: what every door opens."""

from __future__ import annotations

import asyncio
import reprlib
from collections.abc import Mapping
from functools import partial, wraps
from typing import Any

import msgspec

from aiocrew.agent.run_frame import RunFrame, checked_inputs
from aiocrew.agent.usage import CountsFor, Spending, UsageCounter
from aiocrew.aio.branches import first_failure
from aiocrew.aio.cancelling import cancelled_since, cancels, raise_if_cancelled_since
from aiocrew.aio.functions import call_function, is_async
from aiocrew.aio.grace import with_grace
from aiocrew.aio.variables import set_back
from aiocrew.errors import FlowError, Location
from aiocrew.flow.instance import begin, publish
from aiocrew.flow.plan import FlowPlan
from aiocrew.flow.progress import Call, Progress
from aiocrew.types.context import Here, Nest, RunContext, RunOptions, Runtime, here
from aiocrew.types.events import (
    FlowFailed,
    FlowFinished,
    FlowStarted,
    MethodExecutionFailed,
    MethodExecutionFinished,
    MethodExecutionStarted,
    ThreadAbandoned,
)
from aiocrew.types.outputs import CrewOutput, TaskOutput
from aiocrew.types.paths import Path, child
from aiocrew.types.ports import Branch, Branches, EventSink, Raised
from aiocrew.types.usage import UsageMetrics

__all__ = ["FlowRun", "FlowSettings", "Record"]


class FlowSettings(msgspec.Struct, frozen=True):
    """What a flow's run reads of it, beside its attributes."""

    name: str
    plan: FlowPlan
    state: Any
    """The kind of the state, or an instance to begin with."""
    max_method_calls: int


class Record:
    """What a run tells of itself, while it goes on and afterwards."""

    __slots__ = ("_counter", "_progress", "run_id")

    def __init__(self, run_id: str, counter: UsageCounter, progress: Progress) -> None:
        self.run_id = run_id
        self._counter = counter
        self._progress = progress

    @property
    def outputs(self) -> list[Any]:
        return self._progress.outputs

    @property
    def usage(self) -> UsageMetrics:
        return self._counter.total()

    @property
    def spending(self) -> Spending:
        return self._counter.costing()


class FlowRun(RunFrame[Any]):
    """The work of one run of a flow; it is carried out once."""

    __slots__ = ("_flow", "_inputs", "_settings")

    def __init__(
        self,
        flow: Any,
        settings: FlowSettings,
        inputs: Mapping[str, Any] | None,
        options: RunOptions | None,
        runtime: Runtime | None = None,
    ) -> None:
        """Raises BlueprintError when `inputs` is no mapping, or `options` are none."""
        super().__init__(options, runtime)
        self._flow = flow
        self._settings = settings
        self._inputs = checked_inputs(inputs)

    def _name(self) -> str:
        return self._settings.name

    def _at(self) -> Location:
        return Location(flow=self._name())

    def _inherited(self, readers: tuple[EventSink, ...]) -> tuple[EventSink, ...]:
        return (CountsFor(self._counter), *readers)

    def _tell_begun(self, run: RunContext, outer: str) -> None:
        run.tell(FlowStarted, run.root, run.crew, self._inputs, outer)

    def _tell_completed(self, run: RunContext, result: Any) -> None:
        run.tell(FlowFinished, run.root, run.crew, _text_of(result))

    def _tell_failed(self, run: RunContext, error: str, cancelled: bool) -> None:
        run.tell(FlowFailed, run.root, run.crew, error, cancelled)

    async def _work(self, run: RunContext) -> Any:
        settings = self._settings
        progress = Progress(settings.name, settings.plan, settings.max_method_calls)
        record = Record(self.run_id, self._counter, progress)
        instance = begin(self._flow, settings.state, self._inputs, settings.name, record)
        try:
            await _Execution(instance, progress, run).carry_out()
        finally:
            publish(self._flow, instance)
        return progress.outputs[-1]


class _Execution:
    """Carries out the methods of one run, side by side where the flow lets them."""

    def __init__(self, instance: Any, progress: Progress, run: RunContext) -> None:
        self._instance = instance
        self._progress = progress
        self._run = run
        self._calls: dict[Path, Call] = {}

    async def carry_out(self) -> None:
        """Return when no method is left to run.

        A failing method cancels the others; of several failures the first in order of path is raised, the others stand
        in its `others` where it is one of aiocrew's.
        """
        none_yet: list[Branch[Any]] = []
        async with self._run.steps.branches(none_yet) as branches:
            self._start(self._progress.first(), branches)
            async for path, settled in branches:
                if isinstance(settled, Raised):
                    raise first_failure([(path, settled), *await branches.stop()])
                self._start(self._progress.after(self._calls.pop(path), settled.value), branches)

    def _start(self, calls: list[Call], branches: Branches[Any]) -> None:
        for call in calls:
            path = child(self._run.root, call.segment)
            self._calls[path] = call
            branches.start(Branch(path, partial(self._method, path, call)))

    async def _method(self, path: Path, call: Call) -> Any:
        run, name = self._run, call.method.name
        run.tell(MethodExecutionStarted, path, run.crew, name)
        token = here.set(Here(run, path, nest=Nest(), is_step=False))
        before = cancels(run.loop)
        try:
            output = await with_grace(self._called(path, call), run.terms.grace_s, run.loop)
            raise_if_cancelled_since(before, run.loop)
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            run.tell(MethodExecutionFailed, path, run.crew, name, repr(error))
            if isinstance(error, SystemExit):
                raise FlowError(f"method {name!r} of flow {run.crew!r} raised {error!r}") from error
            if isinstance(error, asyncio.CancelledError) and not cancelled_since(before, run.loop):
                raise FlowError(
                    f"method {name!r} of flow {run.crew!r} raised CancelledError, but nobody cancelled the run"
                ) from error
            raise
        finally:
            set_back(token)
        run.tell(MethodExecutionFinished, path, run.crew, name, _text_of(output))
        return output

    async def _called(self, path: Path, call: Call) -> Any:
        run, method = self._run, getattr(self._instance, call.method.name)
        if is_async(method):
            return await method(*call.arguments)
        has_ended = False

        @wraps(method)
        def tracked(*arguments: Any) -> Any:
            nonlocal has_ended
            try:
                return method(*arguments)
            finally:
                has_ended = True

        try:
            return await call_function(tracked, *call.arguments)
        except asyncio.CancelledError:
            if not has_ended:
                run.tell(ThreadAbandoned, path, f"{run.crew}.{call.method.name}")
            raise


_ANY_LENGTH = 10_000
_shown = reprlib.Repr()
_shown.maxstring = _shown.maxother = _shown.maxlong = _ANY_LENGTH
_shown.maxlist = _shown.maxdict = _shown.maxtuple = _shown.maxset = 100


def _text_of(output: Any) -> str:
    """Return an output for events. A user's object is shown by its repr, which may fail without harm."""
    if output is None:
        return ""
    return str(output) if isinstance(output, str | CrewOutput | TaskOutput) else _shown.repr(output)
