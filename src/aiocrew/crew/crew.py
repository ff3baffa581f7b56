"""A crew, and the doors to its runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Self, cast

from pydantic import ConfigDict, model_validator

from aiocrew.agent.event_stream import EventStream, StreamDoor
from aiocrew.aio.blocking import run_blocking
from aiocrew.crew.absent import NotBuiltMethods
from aiocrew.crew.blueprint import CrewBlueprint
from aiocrew.crew.copies import copy_of_crew, placeholders_of
from aiocrew.types.context import RunOptions
from aiocrew.types.outputs import CrewOutput, Outcomes

if TYPE_CHECKING:
    from aiocrew.batch.keys import GivenKey
    from aiocrew.batch.options import JournalSource, OnError
    from aiocrew.batch.stream import OutcomeStream
    from aiocrew.crew.batches import ManyInputs
    from aiocrew.crew.run import Run

__all__ = ["Crew"]


class Crew(NotBuiltMethods, CrewBlueprint):
    """Agents and the tasks that they do together.

    One crew may be kicked off any number of times at once, with different inputs: a run keeps its state to itself.

    agents, tasks: who and what; the output of the last task is the crew's.
    process: Process.sequential: the tasks in their order. Process.hierarchical: a manager has the agents work on them.
    manager_llm, manager_agent: who leads a hierarchical crew; the agent is none of `agents` and has no tools.
    function_calling_llm: for agents that have none of their own.
    verbose: an account of every run, on stderr.
    step_callback, task_callback: for agents and tasks that have none of their own; plain or async.
    before_kickoff_callbacks: called with the inputs; what one returns takes their place.
    after_kickoff_callbacks: called with the CrewOutput; what one returns takes its place.
    cache: a tool call that the run made before, with the same arguments, gives the same result without running again.
    max_rpm: model calls that its agents may make a minute, in all its runs together; retries count.
    name: for messages and events.
    stream: the kickoffs give a CrewStreamingOutput, as CrewAI's do, in place of an output: iterate it for chunks of
        text, then ask for its `result`. A run's events are to be had without it: `crew.stream(inputs)`.
    config: agents and tasks as a dict, or as JSON text of one; a task names its agent by role.

    `usage_metrics` is published when a run ends, for people to read; with concurrent runs the last one wins.
    """

    # By its alias `streams` goes out under the name that CrewAI's field has.
    model_config = ConfigDict(defer_build=False, serialize_by_alias=True)

    @model_validator(mode="after")
    def _load_engine(self) -> Self:
        """Load what runs need: now, and not in the first of them, on whose loop others may wait."""
        from aiocrew.crew import kickoff as kickoff

        return self

    def start(self, inputs: Mapping[str, Any] | None = None, *, options: RunOptions | None = None) -> Run:
        """Return a pending run; no work is done before it is entered or awaited."""
        from aiocrew.crew.kickoff import Kickoff
        from aiocrew.crew.run import Run

        return Run(Kickoff(self, inputs, options))

    @property
    def stream(self) -> StreamDoor[CrewOutput]:
        """`crew.stream(inputs)`: the events of one run as they happen, to iterate with `async for`; see EventStream.

        As a truth value, and set to one, it is Crew(stream=...).
        """
        return StreamDoor(self._events_of_run, is_on=self.streams)

    @stream.setter
    def stream(self, is_on: bool) -> None:
        self.streams = bool(is_on)

    def _events_of_run(self, inputs: Mapping[str, Any] | None, options: RunOptions | None) -> EventStream[CrewOutput]:
        from aiocrew.crew.streaming import events_of_run

        return events_of_run(self, inputs, options)

    async def kickoff_async(
        self, inputs: Mapping[str, Any] | None = None, *, options: RunOptions | None = None
    ) -> CrewOutput:
        """Return the output of one run, carried out within the running event loop.

        inputs: fill the {placeholders}; None leaves the texts as they are.
        With stream=True it is a CrewStreamingOutput at once, whose run begins when it is iterated.
        Raises one error that names crew, task and agent: see aiocrew.errors. Cancelling this await closes every
        connection of the run.
        """
        if self.streams:
            return self._chunks_of_run(inputs, options)
        from aiocrew.crew.kickoff import Kickoff

        return await Kickoff(self, inputs, options).carry_out()

    akickoff = kickoff_async

    def map(
        self,
        inputs: ManyInputs,
        *,
        options: RunOptions | None = None,
        max_concurrency: int | None = None,
        key: GivenKey | None = None,
        journal: JournalSource | None = None,
        retry_failed: bool = False,
        on_error: OnError = "return",
        max_failures: int | None = None,
    ) -> OutcomeStream:
        """Return one outcome for each input, as they finish: `async with crew.map(...) as outcomes`, then `async for`.

        inputs: a list, any iterable, or an async one, of any length. `outcome.index` is the position of its input. An
            iterable is asked on the event loop; an async generator is closed when the batch ends.
        max_concurrency: runs under way; None is all of a list at once, 1,000 of another iterable. Outcomes that nobody
            has taken yet count too, so a slow reader slows the batch, and memory does not grow.
        journal: the path of a file that keeps each outcome, and each finished step of a run. The same call again does
            only what is missing. What an input's run asks (texts, models, tools) is compared, too: where that changed,
            it runs again. Another process may work on the same journal; it does other inputs.
        key: gives the text by which the journal knows an input. Without it that is the input's content, which must be
            JSON; a content that comes again is another input.
        retry_failed: run again what the journal holds as failed.
        on_error: "raise" ends the batch with the first input that failed: the others are cancelled, and BatchError is
            raised. A failure that the journal holds counts, too; retry_failed=True gets past it.
        max_failures: when more inputs than this have failed the batch ends: what is under way is cancelled and comes
            out as FailedRun with the status "cancelled"; of a list the rest comes out as "skipped", of another iterable
            nothing more is fetched. Failures that the journal held before do not count.

        An input that fails is a FailedRun; the others are untouched. Raises BlueprintError at once for arguments that
        cannot be, and for a list of which two inputs would write one output_file; of another iterable the second such
        input fails by itself. Iterating raises what the source of the inputs raises, and JournalError; all work has
        ended then.
        """
        # Here, because who runs single crews need not load it.
        from aiocrew.batch.options import BatchOptions
        from aiocrew.crew.batches import start_batch

        batch = BatchOptions(
            max_concurrency=max_concurrency,
            key=key,
            journal=journal,
            retry_failed=retry_failed,
            on_error=on_error,
            max_failures=max_failures,
        )
        return start_batch(self, inputs, options, batch)

    async def kickoff_for_each_async(
        self,
        inputs: ManyInputs,
        *,
        options: RunOptions | None = None,
        max_concurrency: int | None = None,
        key: GivenKey | None = None,
        journal: JournalSource | None = None,
        retry_failed: bool = False,
        on_error: OnError = "return",
        max_failures: int | None = None,
    ) -> Outcomes:
        """Return what `map` gives for the same arguments, in the order of the inputs, when all of it is there.

        An input that fails is a FailedRun in its place; the others are untouched. Where max_failures ended a batch
        whose inputs are no list, the outcomes end with the inputs that were begun.
        With stream=True it is a CrewStreamingOutput at once: its chunks are those of all runs as they come, its
        `results` the outcomes.
        """
        stream = self.map(
            inputs,
            options=options,
            max_concurrency=max_concurrency,
            key=key,
            journal=journal,
            retry_failed=retry_failed,
            on_error=on_error,
            max_failures=max_failures,
        )
        if self.streams:
            from aiocrew.crew.streaming import chunks_of_batch

            return cast("Any", chunks_of_batch(self, partial(_all_of, stream)))
        return await _all_of(stream)

    akickoff_for_each = kickoff_for_each_async

    def kickoff(self, inputs: Mapping[str, Any] | None = None, *, options: RunOptions | None = None) -> CrewOutput:
        """Return the output of one run, for code that cannot await.

        Inside a running event loop it works, but blocks that loop, and warns with the line that called it.
        With stream=True it is a CrewStreamingOutput at once, whose run begins when it is iterated.
        """
        if self.streams:
            return self._chunks_of_run(inputs, options)
        return run_blocking(
            "kickoff", lambda: self.kickoff_async(inputs, options=options), instead="crew.kickoff_async"
        )

    def kickoff_for_each(
        self,
        inputs: ManyInputs,
        *,
        options: RunOptions | None = None,
        max_concurrency: int | None = None,
        key: GivenKey | None = None,
        journal: JournalSource | None = None,
        retry_failed: bool = False,
        on_error: OnError = "return",
        max_failures: int | None = None,
    ) -> Outcomes:
        """Return what kickoff_for_each_async returns, for code that cannot await; the inputs run at once, too.

        With stream=True it is a list of CrewStreamingOutput, one for each input: each run begins when its chunks are
        iterated. Raises UsageError then for arguments of a batch.
        """
        if self.streams:
            from aiocrew.crew.streaming import refuse_for_streams

            self.map(inputs, options=options)  # raises for what is refused without streams, too
            refuse_for_streams(
                inputs,
                max_concurrency=max_concurrency,
                key=key,
                journal=journal,
                retry_failed=retry_failed,
                on_error=on_error == "raise",
                max_failures=max_failures is not None,
            )
            return cast("Any", [self._chunks_of_run(item, options) for item in cast("Iterable[Any]", inputs)])
        return run_blocking(
            "kickoff_for_each",
            lambda: self.kickoff_for_each_async(
                inputs,
                options=options,
                max_concurrency=max_concurrency,
                key=key,
                journal=journal,
                retry_failed=retry_failed,
                on_error=on_error,
                max_failures=max_failures,
            ),
            instead="crew.kickoff_for_each_async",
        )

    def _chunks_of_run(self, inputs: Mapping[str, Any] | None, options: RunOptions | None) -> Any:
        # Not loaded before: few crews stream. Their kickoffs give something else than their types say, as CrewAI's do.
        from aiocrew.crew.streaming import chunks_of_run

        return chunks_of_run(self, inputs, options)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with the fields of `update`; `stream` is one of them."""
        if update is not None and "stream" in update:
            fields = dict(update)
            update = {"streams": bool(fields.pop("stream")), **fields}
        return super().model_copy(update=update, deep=deep)

    def copy(self) -> Self:  # pyright: ignore[reportIncompatibleMethodOverride] - pydantic's own is deprecated
        """Return an equal crew with agents and tasks of its own, to change them; no kickoff needs one."""
        return copy_of_crew(self)

    def fetch_inputs(self) -> set[str]:
        """Return the names of all {placeholders} in the texts of tasks and agents."""
        return placeholders_of(self)


async def _all_of(stream: OutcomeStream) -> Outcomes:
    async with stream as outcomes:
        return Outcomes(sorted([outcome async for outcome in outcomes], key=attrgetter("index")))
