"""One kickoff, from its inputs to its output: what every door opens."""

from __future__ import annotations

import asyncio
import reprlib
from collections.abc import Awaitable, Mapping
from typing import Any

from aiocrew.aio.cancelling import cancelled_since, cancels, deliver_cancel_since
from aiocrew.aio.limits import time_limit
from aiocrew.aio.runtime import local_runtime
from aiocrew.crew.blueprint import CrewBlueprint
from aiocrew.crew.changing import call_with_inputs, call_with_output
from aiocrew.crew.execute import Execution
from aiocrew.crew.plan import plan_crew
from aiocrew.crew.published import publish
from aiocrew.crew.usage import UsageCounter
from aiocrew.errors import AiocrewError, BlueprintError, DeadlineExceededError, Location
from aiocrew.types.context import RunContext, RunOptions, Runtime, emitter, here
from aiocrew.types.events import CrewKickoffCompleted, CrewKickoffFailed, CrewKickoffStarted
from aiocrew.types.outputs import CrewOutput, FailedRun, Outcome
from aiocrew.types.paths import ROOT, child
from aiocrew.types.terms import USUAL_TERMS, Terms
from aiocrew.types.usage import UsageMetrics

__all__ = ["Kickoff", "checked_inputs", "checked_options"]

_DEFAULTS = RunOptions()


class Kickoff:
    """The work of one run; it is carried out once."""

    __slots__ = (
        "_attempts",
        "_counter",
        "_crew",
        "_ended_s",
        "_index",
        "_inputs",
        "_options",
        "_runtime",
        "_started_s",
        "run_id",
    )

    def __init__(
        self,
        crew: CrewBlueprint,
        inputs: Mapping[str, Any] | None,
        options: RunOptions | None,
        *,
        index: int = 0,
        runtime: Runtime | None = None,
        attempts: int = 1,
    ) -> None:
        """Raises BlueprintError when `inputs` is no mapping, or `options` are none.

        index, attempts: for the outcome, in a batch. runtime: in place of the active one.
        """
        self._crew = crew
        self._inputs = checked_inputs(inputs)
        self._options = _DEFAULTS if options is None else checked_options(options)
        self._index = index
        self._attempts = attempts
        self._runtime = runtime or local_runtime()
        self._counter = UsageCounter()
        self._started_s = self._ended_s = 0.0
        self.run_id = self._runtime.new_id()

    @property
    def usage(self) -> UsageMetrics:
        """The tokens used so far."""
        return self._counter.total()

    async def carry_out(self) -> CrewOutput:
        """Return the output. Raises one error, located in the crew; a cancellation in its tick wins over it."""
        run = self._begin()
        before = cancels(run.loop)
        try:
            if self._options.deadline_s is None:
                output = await self._steps(run)
            else:
                async with time_limit(self._options.deadline_s, self._too_late):
                    output = await self._steps(run)
        except asyncio.CancelledError:
            self._fail(run, "cancelled", cancelled=True)
            raise
        except Exception as error:
            failure = error.located(Location(run.crew)) if isinstance(error, AiocrewError) else error
            self._fail(run, repr(failure))
            await deliver_cancel_since(before, run.loop)
            raise failure from failure.__cause__
        self._ended_s = run.now_s()
        run.emit(CrewKickoffCompleted(run.run_id, ROOT, self._ended_s, run.crew, output.raw))
        return output

    async def outcome(self, work: Awaitable[CrewOutput] | None = None) -> Outcome:
        """Carry it out, or await `work` that does, and return what became of it.

        Only a cancellation of the awaiting task is raised.
        """
        before = cancels()
        try:
            return await (work or self.carry_out())
        except Exception as error:  # an input of a batch: the others go on
            return self._failed(error)
        except asyncio.CancelledError as error:
            if cancelled_since(before):
                raise
            return self._failed(error)

    def cancelled(self, reason: str) -> FailedRun:
        """Return the outcome of this work, which was cancelled as a part of a batch."""
        return self._failed(asyncio.CancelledError(reason))

    def _begin(self) -> RunContext:
        crew, runtime = self._crew, self._runtime
        run = RunContext(
            run_id=self.run_id,
            crew=crew.name,
            runtime=runtime,
            now_s=runtime.clock.monotonic_s,
            loop=asyncio.get_running_loop(),
            terms=self._terms(),
            emit=emitter((self._counter, *runtime.sinks, *crew.readers())),
        )
        self._started_s = self._ended_s = run.now_s()
        run.emit(CrewKickoffStarted(run.run_id, ROOT, self._started_s, run.crew, runtime.clock.wall_s(), self._inputs))
        return run

    def _terms(self) -> Terms:
        outer, pace = here.get(), self._crew.pace()
        if outer is None and pace is None and self._options is _DEFAULTS:
            return USUAL_TERMS  # nearly every run
        return self._options.terms(pace, None if outer is None else outer.run.terms)

    async def _steps(self, run: RunContext) -> CrewOutput:
        crew = self._crew
        if crew.before_kickoff_callbacks:
            await self._before_kickoff(run)
        plan = plan_crew(crew, self._inputs)
        execution = Execution(plan, run)
        tasks_output = await execution.carry_out()
        last = tasks_output[-1]
        output = CrewOutput(
            raw=last.raw,
            pydantic=last.pydantic,
            json_dict=last.json_dict,
            tasks_output=tasks_output,
            token_usage=self.usage,
            index=self._index,
            inputs=self._inputs,
            duration_s=run.now_s() - self._started_s,
            attempts=self._attempts,
        ).costed(self._counter.costing())
        for number, callback in enumerate(plan.after_kickoff):
            changed = await call_with_output(run, child(ROOT, f"after_kickoff-{number}"), callback, output)
            output = self._taken(changed, output)
        publish(crew, plan.written, tasks_output, execution.tool_results, output.token_usage)
        return output

    def _taken(self, changed: Any, output: CrewOutput) -> CrewOutput:
        if changed is None:
            return output
        if not isinstance(changed, CrewOutput):
            raise BlueprintError(
                f"an after_kickoff callback must return a CrewOutput or None, not {type(changed).__name__}"
            )
        # What it says is the user's; which run it is of, and what that used, is not.
        own = {name: getattr(output, name) for name in ("index", "inputs", "duration_s", "token_usage", "attempts")}
        return changed.model_copy(update=own).costed(self._counter.costing())

    async def _before_kickoff(self, run: RunContext) -> None:
        for number, callback in enumerate(self._crew.before_kickoff_callbacks):
            path = child(ROOT, f"before_kickoff-{number}")
            self._inputs = checked_inputs(await call_with_inputs(run, path, callback, self._inputs))

    def _too_late(self) -> DeadlineExceededError:
        seconds = self._options.deadline_s or 0.0
        return DeadlineExceededError(f"the run took longer than its deadline of {seconds:g} s", limit_s=seconds)

    def _fail(self, run: RunContext, error: str, *, cancelled: bool = False) -> None:
        self._ended_s = run.now_s()
        run.emit(CrewKickoffFailed(run.run_id, ROOT, self._ended_s, run.crew, error, cancelled))

    def _failed(self, error: BaseException) -> FailedRun:
        return FailedRun(
            error=error,
            status="failed" if isinstance(error, Exception) else "cancelled",
            index=self._index,
            inputs=self._inputs,
            duration_s=self._ended_s - self._started_s,
            token_usage=self.usage,
            attempts=self._attempts,
            costing=self._counter.costing(),
        )


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
