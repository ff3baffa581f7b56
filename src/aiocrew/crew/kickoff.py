"""One kickoff, from its inputs to its output: what every door opens."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Awaitable, Mapping
from typing import Any

from aiocrew.agent.run_frame import RunFrame, checked_inputs
from aiocrew.aio.cancelling import cancelled_since, cancels
from aiocrew.crew.blueprint import CrewBlueprint
from aiocrew.crew.changing import call_with_inputs, call_with_output
from aiocrew.crew.execute import Execution
from aiocrew.crew.plan import CrewPlan, plan_crew
from aiocrew.crew.published import publish
from aiocrew.types.blueprint import AiocrewWarning
from aiocrew.types.context import RunContext, RunOptions, Runtime
from aiocrew.types.events import CrewKickoffCompleted, CrewKickoffFailed, CrewKickoffStarted
from aiocrew.types.outputs import CrewOutput, FailedRun, Outcome
from aiocrew.types.paths import child
from aiocrew.types.ports import EventSink
from aiocrew.types.terms import Pace

__all__ = ["Kickoff"]


class Kickoff(RunFrame[CrewOutput]):
    """The work of one run; it is carried out once."""

    __slots__ = ("_attempts", "_crew", "_index", "_inputs", "relay")

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
        super().__init__(options, runtime)
        self._crew = crew
        self._inputs = checked_inputs(inputs)
        self._index = index
        self._attempts = attempts
        self.relay: EventSink | None = None
        """What runs inside this one report to: set by whoever may let others read it."""

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

    def _name(self) -> str:
        return self._crew.name

    def _pace(self) -> Pace | None:
        return self._crew.pace()

    def _own_readers(self) -> tuple[EventSink, ...]:
        return self._crew.readers()

    def _inherited(self, readers: tuple[EventSink, ...]) -> tuple[EventSink, ...]:
        return () if self.relay is None else (self.relay,)

    def _tell_begun(self, run: RunContext, outer: str) -> None:
        run.tell(CrewKickoffStarted, run.root, run.crew, self._inputs, outer)

    def _tell_completed(self, run: RunContext, result: CrewOutput) -> None:
        run.tell(CrewKickoffCompleted, run.root, run.crew, result.raw)

    def _tell_failed(self, run: RunContext, error: str, cancelled: bool) -> None:
        run.tell(CrewKickoffFailed, run.root, run.crew, error, cancelled)

    async def _work(self, run: RunContext) -> CrewOutput:
        crew = self._crew
        if crew.before_kickoff_callbacks:
            await self._before_kickoff(run)
        plan = plan_crew(crew, self._inputs, run.root)
        execution = Execution(plan, run)
        tasks_output = await execution.carry_out()
        output = CrewOutput.of_run(
            execution.last,
            tasks_output,
            token_usage=self.usage,
            index=self._index,
            inputs=self._inputs,
            duration_s=run.now_s() - self._started_s,
            attempts=self._attempts,
        ).costed(self._counter.costing())
        output.of_tasks(plan.draft.written)
        for number, callback in enumerate(plan.after_kickoff):
            changed = await call_with_output(run, child(run.root, f"after_kickoff-{number}"), callback, output)
            output = self._taken(changed, output, plan)
        publish(crew, plan.draft, tasks_output, execution.tool_results, output.token_usage)
        return output

    def _taken(self, changed: Any, output: CrewOutput, plan: CrewPlan) -> CrewOutput:
        """Return what an after_kickoff callback made of `output`: a text takes the place of the answer."""
        if changed is None:
            return output
        if isinstance(changed, str):
            changed = output.model_copy(update={"raw": changed, "pydantic": None, "json_dict": None})
        if not isinstance(changed, CrewOutput):
            # The work is done, and paid for: it is not lost to this.
            warnings.warn(
                f"an after_kickoff callback of crew {self._crew.name!r} returned something of type "
                f"{type(changed).__name__}, which is left out: return a CrewOutput, a text, or None",
                AiocrewWarning,
                stacklevel=2,
            )
            return output
        # What it says is the user's; which run it is of, and what that used, is not.
        own = {name: getattr(output, name) for name in ("index", "inputs", "duration_s", "token_usage", "attempts")}
        return changed.model_copy(update=own).costed(self._counter.costing()).of_tasks(plan.draft.written)

    async def _before_kickoff(self, run: RunContext) -> None:
        for number, callback in enumerate(self._crew.before_kickoff_callbacks):
            path = child(run.root, f"before_kickoff-{number}")
            self._inputs = checked_inputs(await call_with_inputs(run, path, callback, self._inputs))

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
