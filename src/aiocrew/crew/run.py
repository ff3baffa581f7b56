"""One execution of a crew: a handle that does no work until it is entered or awaited."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Generator, Mapping
from types import TracebackType
from typing import Any, Literal, TypeAlias

from aiocrew.agent.callbacks import run_callback
from aiocrew.aio.background import Background
from aiocrew.aio.cancelling import cancel_pending, deliver_pending_cancel
from aiocrew.aio.limits import time_limit
from aiocrew.aio.runtime import local_runtime
from aiocrew.crew.blueprint import CrewBlueprint
from aiocrew.crew.execute import Execution
from aiocrew.crew.plan import plan_crew
from aiocrew.crew.published import publish
from aiocrew.crew.usage import UsageCounter
from aiocrew.errors import AiocrewError, BlueprintError, DeadlineExceededError, Location, UsageError
from aiocrew.types.context import RunContext, RunOptions, here
from aiocrew.types.events import CrewKickoffCompleted, CrewKickoffFailed, CrewKickoffStarted
from aiocrew.types.outputs import CrewOutput, FailedRun, Outcome
from aiocrew.types.paths import ROOT, child
from aiocrew.types.usage import UsageMetrics

__all__ = ["Run", "RunStatus"]

RunStatus: TypeAlias = Literal["pending", "running", "ok", "failed", "cancelled"]


def _checked(inputs: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if inputs is not None and not isinstance(inputs, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise BlueprintError(f"inputs={inputs!r} must be a dict that gives each {{placeholder}} its value")
    return None if inputs is None else dict(inputs)


def _taken(changed: Any, output: CrewOutput) -> CrewOutput:
    if changed is None:
        return output
    if not isinstance(changed, CrewOutput):
        raise BlueprintError(
            f"an after_kickoff callback must return a CrewOutput or None, not {type(changed).__name__}"
        )
    return changed


class Run:
    """A run of a crew.

    `async with crew.start(inputs) as run` starts it; inside, `await run` is its output, `run.cancel()` ends it. Leaving
    the block waits for it, or cancels it when the block raised. `await crew.start(inputs)` is all that in one. A
    cancelled run raises CancelledError to whoever awaits it. A handle that was never used warns.
    """

    def __init__(
        self,
        crew: CrewBlueprint,
        inputs: Mapping[str, Any] | None,
        options: RunOptions | None,
        *,
        index: int = 0,
        unbounded: bool = False,
        handed_out: bool = False,
    ) -> None:
        self._handed_out = handed_out
        self._crew = crew
        self._inputs = _checked(inputs)
        self._options = options or RunOptions()
        self._index = index
        self._runtime = local_runtime()
        self._counter = UsageCounter()
        outer = here.get()
        self._context = RunContext(
            run_id=self._runtime.new_id(),
            crew=crew.name,
            runtime=self._runtime,
            now_s=self._runtime.clock.monotonic_s,
            sinks=(self._counter, *self._runtime.sinks, *crew.readers()),
            # A run inside such a run blocks the same loop.
            unbounded=unbounded or (outer is not None and outer.run.unbounded),
        )
        self._status: RunStatus = "pending"
        self._started_s = 0.0
        self._ended_s: float | None = None
        self._task: asyncio.Task[Any] | None = None  # whose await carries the run out
        self._background: Background[CrewOutput] | None = None
        self._outcome: Outcome | None = None
        self._cancel_asked = False
        self._joined = False

    @property
    def id(self) -> str:
        return self._context.run_id

    @property
    def status(self) -> RunStatus:
        return self._status

    @property
    def usage(self) -> UsageMetrics:
        """The tokens used so far."""
        return self._counter.total()

    def cancel(self) -> None:
        """End the run: its calls in flight are closed at once. A run that has ended stays as it is."""
        if self._status == "pending":
            self._status = "cancelled"
        elif self._status == "running":
            self._cancel_asked = True
            if self._task is not None:  # otherwise it looks at the request when it begins
                self._task.cancel()

    def __await__(self) -> Generator[Any, None, CrewOutput]:
        return self._result().__await__()

    async def _result(self) -> CrewOutput:
        if self._background is not None:
            self._joined = True
            return await self._background.join()
        if self._status == "pending":
            return await self._carry_out()
        if self._status == "running":
            raise UsageError("this run is awaited elsewhere; use `async with crew.start(...) as run` to share it")
        return self._output()

    def _output(self) -> CrewOutput:
        if isinstance(self._outcome, CrewOutput):
            return self._outcome
        raise asyncio.CancelledError if self._outcome is None else self._outcome.error

    async def outcome(self) -> Outcome:
        """Carry the run out and return what became of it; only a cancellation of the awaiting task is raised."""
        try:
            return await self
        except Exception as error:  # an input of a batch: the others go on
            return self._failed(error)
        except asyncio.CancelledError as error:
            if cancel_pending():
                raise
            return self._failed(error)

    def _failed(self, error: BaseException) -> FailedRun:
        return FailedRun(
            error=error,
            status="failed" if isinstance(error, Exception) else "cancelled",
            index=self._index,
            inputs=self._inputs,
            duration_s=self._duration_s(),
            token_usage=self.usage,
        )

    async def __aenter__(self) -> Run:
        if self._status not in ("pending", "cancelled") or self._background is not None:
            raise UsageError(f"this run is {self._status} already; crew.start(...) makes a new one")
        if self._status == "pending":
            self._status = "running"
            self._background = Background(self._carry_out())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        background = self._background
        if background is None:
            return
        if error is not None:
            await self._stop(background)
            return
        try:
            await background.join()
        except asyncio.CancelledError:
            if cancel_pending():
                await self._stop(background)
                raise
        except Exception:
            if not self._joined:
                raise

    async def _stop(self, background: Background[CrewOutput]) -> None:
        await background.stop()
        if self._status == "running":  # stopped before it began
            self._status = "cancelled"
        await deliver_pending_cancel()

    async def _carry_out(self) -> CrewOutput:
        self._status = "running"
        self._task = task = asyncio.current_task()
        self._started_s = self._context.now_s()
        try:
            self._outcome = await self._within_deadline()
        except asyncio.CancelledError:
            if self._cancel_asked and task is not None:
                task.uncancel()
            self._end("cancelled", "cancelled")
            raise
        except Exception as error:
            failure = self._located(error)
            self._outcome = self._failed(failure)
            self._end("failed", repr(failure))
            await deliver_pending_cancel()
            raise failure from failure.__cause__
        self._end("ok", self._outcome.raw)
        return self._outcome

    def _located(self, error: Exception) -> Exception:
        return error.located(Location(self._crew.name)) if isinstance(error, AiocrewError) else error

    def _end(self, status: RunStatus, text: str) -> None:
        self._status = status
        self._ended_s = self._context.now_s()
        self._task = None
        run = self._context
        if status == "ok":
            run.emit(CrewKickoffCompleted(run.run_id, ROOT, self._ended_s, run.crew, text))
        else:
            run.emit(CrewKickoffFailed(run.run_id, ROOT, self._ended_s, run.crew, text, status == "cancelled"))

    def _duration_s(self) -> float:
        return (self._ended_s or self._started_s) - self._started_s

    async def _within_deadline(self) -> CrewOutput:
        run = self._context
        wall_s = self._runtime.clock.wall_s()
        run.emit(CrewKickoffStarted(run.run_id, ROOT, self._started_s, run.crew, wall_s, self._inputs))
        if self._cancel_asked and not cancel_pending():
            raise asyncio.CancelledError
        if self._options.deadline_s is None:
            output = await self._steps()
        else:
            async with time_limit(self._options.deadline_s, self._too_late):
                output = await self._steps()
        if self._cancel_asked:
            await deliver_pending_cancel()
        return output

    def _too_late(self) -> DeadlineExceededError:
        seconds = self._options.deadline_s or 0.0
        return DeadlineExceededError(f"the run took longer than its deadline of {seconds:g} s", limit_s=seconds)

    async def _steps(self) -> CrewOutput:
        crew, run = self._crew, self._context
        await self._before_kickoff()
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
        )
        for number, callback in enumerate(plan.after_kickoff):
            output = _taken(await run_callback(run, child(ROOT, f"after_kickoff-{number}"), callback, output), output)
        publish(crew, plan.written, tasks_output, execution.tool_results, output.token_usage)
        return output

    async def _before_kickoff(self) -> None:
        for number, callback in enumerate(self._crew.before_kickoff_callbacks):
            inputs = {} if self._inputs is None else self._inputs
            changed = await run_callback(self._context, child(ROOT, f"before_kickoff-{number}"), callback, inputs)
            if changed is not None:
                self._inputs = dict(changed)
            elif inputs:
                self._inputs = inputs  # changed in place

    def __del__(self) -> None:
        if getattr(self, "_status", None) == "pending" and self._handed_out:
            warnings.warn(
                f"a run of crew {self._crew.name!r} was made by start() and never used: "
                "write `async with crew.start(...) as run` or `await crew.start(...)`",
                RuntimeWarning,
                stacklevel=2,
                source=self,
            )
