"""What the doors of a single task do. Loaded when the first of them is opened: crews have no need of it."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from aiocrew.agent.blueprint import AgentBlueprint
from aiocrew.agent.prompt import Assignment, task_words
from aiocrew.aio.functions import call_function
from aiocrew.aio.pool import run_in_thread
from aiocrew.aio.runtime import local_runtime
from aiocrew.crew.files import output_path, text_of_file, write_whole
from aiocrew.crew.task_blueprint import TaskBlueprint
from aiocrew.crew.task_rules import answer_of_task, output_of_task, rules_of_task
from aiocrew.types.outputs import TaskOutput

__all__ = ["assignment_of", "end_task", "words_of_task"]


def assignment_of(task: TaskBlueprint[Any], context: str | None, agent: AgentBlueprint) -> Assignment:
    """Return `task` as `agent` is given it outside of a crew; {placeholders} stay as they are."""
    rules = rules_of_task(task, agent.role, agent.llm, task.description, task.expected_output)
    if task.converter_cls is not None:  # it reads the text that the agent gives: once
        rules = msgspec.structs.replace(rules, form=None)
    return Assignment(task.description, task.expected_output, () if not context else (context,), rules, task.markdown)


def words_of_task(task: TaskBlueprint[Any]) -> str:
    """Return what an agent is told of `task`."""
    return task_words(Assignment(task.description, task.expected_output, markdown=task.markdown))


async def end_task(task: TaskBlueprint[Any], agent: AgentBlueprint, text: str) -> TaskOutput:
    """Return the output of `task` for the answer `text`; it is published, called back with, and written."""
    answer = await answer_of_task(task, agent.llm, text)
    output = output_of_task(task, agent.role, task.description, task.expected_output, answer)
    vars(task)["output"] = output
    if task.callback is not None:
        await call_function(task.callback, output)
    if task.output_file is not None:
        path, draft = output_path(task.output_file, None, ("task", task.label)), local_runtime().new_id()
        write = partial(write_whole, create_directory=task.create_directory, token=draft)
        await run_in_thread(write, path, text_of_file(output))
    return output
