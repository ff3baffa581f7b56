"""A task: what is to be done, by whom, and in what form."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict

from aiocrew.agent.agent import Agent
from aiocrew.agent.blueprint import AgentBlueprint
from aiocrew.aio.door import run_sync
from aiocrew.aio.pool import start_thread
from aiocrew.crew.task_blueprint import T, TaskBlueprint
from aiocrew.errors import BlueprintError
from aiocrew.types.outputs import TaskOutput

if TYPE_CHECKING:
    from aiocrew.agent.prompt import Assignment

__all__ = ["Task"]


class Task(TaskBlueprint[T]):
    """One piece of a crew's work. `Task[Report]`: one whose output is a Report.

    description, expected_output: what the agent is told; {placeholders} are filled from a run's inputs.
    agent: who does it.
    context: the tasks whose outputs it is told, just these; [] means none. None means not given: a synchronous task
        waits for and sees every earlier one, an async task the earlier synchronous ones and what these have joined.
    tools: in place of the agent's.
    async_execution: goes on beside the tasks that follow, until one of them waits for it.
    callback: called with the TaskOutput; plain or async. An exception in it fails the task.
    output_pydantic (or response_model): the class that the answer must be an instance of; it is `.pydantic` of the
        output. The model is held to it by the provider where it can be; what does not fit goes back to the model.
    output_json: likewise, with `.json_dict` and `.json` of the output.
    converter_cls: a Converter of one's own, which makes the instance of the answer's text.
    guardrail, guardrails: functions (TaskOutput) -> (bool, value), plain or async, or rules in words that a model
        judges by, asked in their order. (True, value) takes the value in place of the answer, (False, reason) has the
        agent answer anew, at most guardrail_max_retries times for each; then the task fails with GuardrailError.
    human_input: a person reads the answer and may ask for another one, until content: see RunOptions(human=...).
    output_file: where the output is written, whole; {placeholders} are filled, and cannot lead out of its folder.
    create_directory: make that folder where it is missing.
    markdown: the answer is to be written in Markdown.
    name: for people; a short form of the description where it is not given.

    `output` is published when a run ends, for people to read; with concurrent runs the last one wins.
    """

    model_config = ConfigDict(defer_build=False)

    def assignment(self, context: str | None, agent: AgentBlueprint) -> Assignment:
        """Return the task as `agent` is given it outside of a crew; {placeholders} stay as they are."""
        from aiocrew.crew.task_doors import assignment_of

        return assignment_of(self, context, agent)

    def prompt(self) -> str:
        """Return what an agent is told of this task."""
        from aiocrew.crew.task_doors import words_of_task

        return words_of_task(self)

    def execute_sync(
        self, agent: Agent | None = None, context: str | None = None, tools: Sequence[Any] | None = None
    ) -> TaskOutput:
        """Return the output of this one task, done without a crew, for code that cannot await."""
        doer = self._doer(agent)
        text = doer.execute_task(task=self, context=context, tools=[] if tools is None else tools)
        return run_sync(lambda: self._ended(doer, text))

    async def aexecute_sync(
        self, agent: Agent | None = None, context: str | None = None, tools: Sequence[Any] | None = None
    ) -> TaskOutput:
        """Return the output of this one task, done without a crew."""
        doer = self._doer(agent)
        return await self._ended(doer, await doer.aexecute_task(self, context, tools))

    def execute_async(
        self, agent: Agent | None = None, context: str | None = None, tools: Sequence[Any] | None = None
    ) -> Future[TaskOutput]:
        """Start this one task in a thread; the future gives its output, or raises what it raised."""
        future: Future[TaskOutput] = Future()
        run_here = copy_context()

        def job() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(run_here.run(self.execute_sync, agent, context, tools))
            except BaseException as error:
                future.set_exception(error)

        start_thread(job)
        return future

    def _doer(self, agent: Agent | None) -> Agent:
        doer = agent or self.agent
        if doer is None:
            raise BlueprintError(f"task {self.label!r} has no agent: give it agent=..., or pass one here")
        return doer

    async def _ended(self, agent: Agent, text: str) -> TaskOutput:
        from aiocrew.crew.task_doors import end_task

        return await end_task(self, agent, text)
