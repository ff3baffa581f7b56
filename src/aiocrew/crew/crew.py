"""A crew, and the doors to its runs."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from typing import Any, cast

from aiocrew.batch.at_once import fan_out
from aiocrew.crew.blocking import run_blocking
from aiocrew.crew.blueprint import CrewBlueprint
from aiocrew.crew.files import check_distinct_files
from aiocrew.crew.kickoff import Kickoff
from aiocrew.crew.run import Run
from aiocrew.errors import BlueprintError
from aiocrew.types.context import RunOptions
from aiocrew.types.outputs import CrewOutput, Outcomes

__all__ = ["Crew"]


class Crew(CrewBlueprint):
    """Agents and the tasks that they do together.

    One crew may be kicked off any number of times at once, with different inputs: a run keeps its state to itself.

    agents, tasks: who and what; the output of the last task is the crew's.
    process: Process.sequential.
    verbose: an account of every run, on stderr.
    step_callback, task_callback: for agents and tasks that have none of their own; plain or async.
    before_kickoff_callbacks: called with the inputs; what one returns takes their place.
    after_kickoff_callbacks: called with the CrewOutput; what one returns takes its place.
    cache: a tool call that the run made before, with the same arguments, gives the same result without running again.
    max_rpm: model calls that its agents may make a minute, in all its runs together; retries count.
    name: for messages and events.

    `usage_metrics` is published when a run ends, for people to read; with concurrent runs the last one wins.
    """

    def start(self, inputs: Mapping[str, Any] | None = None, *, options: RunOptions | None = None) -> Run:
        """Return a pending run; no work is done before it is entered or awaited."""
        return Run(Kickoff(self, inputs, options))

    async def kickoff_async(
        self, inputs: Mapping[str, Any] | None = None, *, options: RunOptions | None = None
    ) -> CrewOutput:
        """Return the output of one run, carried out within the running event loop.

        inputs: fill the {placeholders}; None leaves the texts as they are.
        Raises one error that names crew, task and agent: see aiocrew.errors. Cancelling this await closes every
        connection of the run.
        """
        return await Kickoff(self, inputs, options).carry_out()

    akickoff = kickoff_async

    async def kickoff_for_each_async(
        self, inputs: Iterable[Mapping[str, Any]], *, options: RunOptions | None = None
    ) -> Outcomes:
        """Return one outcome for each input, in their order, all runs going on at once.

        An input that fails is a FailedRun in its place; the others are untouched. Raises BlueprintError before the
        first call if two inputs would write one output_file.
        """
        batch = _listed(inputs)
        kickoffs = [Kickoff(self, item, options, index=index) for index, item in enumerate(batch)]
        files = [(task.label, task.output_file) for task in self.tasks if task.output_file]
        if files:
            check_distinct_files(files, batch)
        return Outcomes(await fan_out([kickoff.outcome for kickoff in kickoffs]))

    akickoff_for_each = kickoff_for_each_async

    def kickoff(self, inputs: Mapping[str, Any] | None = None, *, options: RunOptions | None = None) -> CrewOutput:
        """Return the output of one run, for code that cannot await.

        Inside a running event loop it works, but blocks that loop, and warns with the line that called it.
        """
        return run_blocking("kickoff", lambda: self.kickoff_async(inputs, options=options))

    def kickoff_for_each(self, inputs: Iterable[Mapping[str, Any]], *, options: RunOptions | None = None) -> Outcomes:
        """Return what kickoff_for_each_async returns, for code that cannot await; the inputs run at once, too."""
        return run_blocking("kickoff_for_each", lambda: self.kickoff_for_each_async(inputs, options=options))


def _listed(inputs: Any) -> list[Mapping[str, Any]]:
    if isinstance(inputs, Mapping | str) or not isinstance(inputs, Iterable):
        shown = reprlib.repr(inputs)  # pyright: ignore[reportUnknownArgumentType]
        raise BlueprintError(f"inputs={shown} must be a list of dicts, one for each run; kickoff takes a single dict")
    return list(cast("Iterable[Mapping[str, Any]]", inputs))
