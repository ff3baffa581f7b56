"""Carrying out a plan: tasks side by side where the graph lets them, one error where they fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from aiocrew.agent.answer import Answer
from aiocrew.agent.callbacks import Reading, call_user
from aiocrew.agent.loop import perform
from aiocrew.agent.prompt import Assignment
from aiocrew.aio.branches import first_failure
from aiocrew.aio.cancelling import cancelled_since, cancels
from aiocrew.aio.functions import call_function, name_of
from aiocrew.aio.pool import run_in_thread
from aiocrew.aio.variables import set_back
from aiocrew.crew.changing import call_with_output
from aiocrew.crew.files import FileWriting, text_of_file, write_whole
from aiocrew.crew.graph import Frontier
from aiocrew.crew.plan import CrewPlan, TaskPlan
from aiocrew.crew.task_blueprint import label_of
from aiocrew.crew.task_rules import output_of_task
from aiocrew.errors import AiocrewError, Location, TaskError
from aiocrew.tools.calls import ToolMemory
from aiocrew.types.context import Here, RunContext, here
from aiocrew.types.events import TaskCompleted, TaskFailed, TaskSkipped, TaskStarted
from aiocrew.types.outputs import TaskOutput
from aiocrew.types.paths import Path, child
from aiocrew.types.ports import Branch, Branches, Raised

__all__ = ["Execution"]


class Execution:
    """The mutable state of one run's tasks."""

    __slots__ = ("_memory", "_plan", "_run", "_skips", "outputs", "tool_results")

    def __init__(self, plan: CrewPlan, run: RunContext) -> None:
        self._plan = plan
        self._run = run
        self._memory = ToolMemory()
        self._skips: frozenset[int] = frozenset()
        self.outputs: dict[int, TaskOutput] = {}
        self.tool_results: dict[int, list[dict[str, Any]]] = {}

    async def carry_out(self) -> list[TaskOutput]:
        """Return the tasks' outputs, in order of position.

        A failing task cancels the others; of several failures the first in order of path is raised, the others stand
        in its `others`.
        """
        if self._plan.draft.is_chain:
            # Nothing is ever beside anything: what branches would do around each task is a tenth of a short run.
            for number in range(len(self._plan.tasks)):
                self.outputs[number] = await self._task(number)
        else:
            await self._side_by_side()
        return [self.outputs[number] for number in range(len(self._plan.tasks))]

    async def _side_by_side(self) -> None:
        numbers = {task.path: number for number, task in enumerate(self._plan.tasks)}
        frontier = Frontier(self._plan.draft.nodes)
        none_yet: list[Branch[TaskOutput]] = []
        async with self._run.steps.branches(none_yet) as branches:
            self._start(frontier.first(), branches)
            async for path, settled in branches:
                if isinstance(settled, Raised):
                    raise first_failure([(path, settled), *await branches.stop()])
                ended = numbers[path]
                self.outputs[ended] = settled.value
                self._start(frontier.after(ended), branches)

    @property
    def last(self) -> TaskOutput:
        """The output of the last task that was done."""
        return self.outputs[max(self.outputs.keys() - self._skips) if self._skips else len(self.outputs) - 1]

    def _start(self, free: list[int], branches: Branches[TaskOutput]) -> None:
        for number in free:
            branches.start(Branch(self._plan.tasks[number].path, partial(self._task, number)))

    async def _task(self, number: int) -> TaskOutput:
        # One coroutine for all of it: each one in the chain is passed through whenever anything below it goes on.
        task, run = self._plan.tasks[number], self._run
        draft, agent = task.draft, task.agent.name
        # To those who read, the task of this very run; errors call it as it is written.
        label = label_of(draft.name, task.description) if run.readers.sinks else draft.label
        self._tell_started(number, task, label)
        before = cancels(run.loop)
        try:
            if draft.condition is not None and not await self._is_wanted(number, task, draft.condition):
                return self._skipped(number, task, label)
            answer = await perform(task.agent, self._assignment(number, task), run, task.path, self._memory)
            self.tool_results[number] = answer.tool_results
            output = _output(task, Answer(answer.text, answer.value))
            if draft.callback is not None:
                await call_with_output(run, child(task.path, "callback"), draft.callback, output)
            if task.output_file is not None:
                await self._write(task, task.output_file, output)
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            run.tell(TaskFailed, task.path, label, agent, repr(error))
            at = Location(run.crew, draft.label, agent)
            if isinstance(error, AiocrewError):
                raise error.located(at) from error.__cause__
            if isinstance(error, asyncio.CancelledError) and cancelled_since(before, run.loop):
                raise
            raise TaskError(f"{type(error).__name__}: {error}").located(at) from error
        run.tell(TaskCompleted, task.path, label, agent, output.raw)
        return output

    def _tell_started(self, number: int, task: TaskPlan, label: str) -> None:
        run = self._run
        if run.readers.sinks:
            node = self._plan.draft.nodes[number]
            waits, sees = _paths_of(node.waits, run.root), _paths_of(node.sees, run.root)
            run.tell(TaskStarted, task.path, label, task.agent.name, waits, sees, task.draft.written.written_at)

    async def _is_wanted(self, number: int, task: TaskPlan, condition: Callable[..., Any]) -> bool:
        """Return what the task's condition says of the output of the nearest task before it that was done."""
        before = self.outputs[max(earlier for earlier in range(number) if earlier not in self._skips)]
        path = child(task.path, "condition")
        name = name_of(condition)
        asked = partial(_asked, condition, before)
        return await call_user(self._run, path, f"condition {name}", name, asked, (), bool, Reading(name, before.raw))

    def _skipped(self, number: int, task: TaskPlan, label: str) -> TaskOutput:
        self._skips |= {number}
        self._run.tell(TaskSkipped, task.path, label, task.agent.name)
        return _output(task, Answer(""))

    def _assignment(self, number: int, task: TaskPlan) -> Assignment:
        sees = self._plan.draft.nodes[number].sees
        context = tuple([self.outputs[seen].raw for seen in sees if seen not in self._skips]) if sees else ()
        return Assignment(task.description, task.expected_output, context, task.rules, task.draft.markdown)

    async def _write(self, task: TaskPlan, path: str, output: TaskOutput) -> None:
        wanted, text = [True], text_of_file(output)
        write = partial(
            write_whole,
            path,
            text,
            create_directory=task.draft.create_directory,
            token=self._run.runtime.new_id(),
            wanted=lambda: wanted[0],
        )
        at = child(task.path, "output_file")
        token = here.set(Here(self._run, at))
        try:
            await self._run.steps.step(at, partial(run_in_thread, write), object, FileWriting(path, text))
        except asyncio.CancelledError:
            wanted[0] = False  # the thread goes on for a moment, and must leave nothing behind
            raise
        finally:
            set_back(token)


def _output(task: TaskPlan, answer: Answer) -> TaskOutput:
    return output_of_task(task.draft.written, task.agent.name, task.description, task.expected_output, answer)


async def _asked(condition: Callable[..., Any], output: TaskOutput) -> bool:
    return bool(await call_function(condition, output))


@lru_cache(maxsize=4096)
def _paths_of(tasks: frozenset[int] | tuple[int, ...], root: Path) -> tuple[Path, ...]:
    """Return the paths of tasks by position; kept, because nearly every run has the same."""
    ordered = tasks if isinstance(tasks, tuple) else sorted(tasks)
    return tuple([child(root, f"task-{number}") for number in ordered])
