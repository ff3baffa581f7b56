"""An outcome out of a journal, with the instances that its records hold as plain fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiocrew.crew.task import Task
from aiocrew.crew.task_rules import class_of_answer
from aiocrew.types.outputs import CrewOutput, Outcome, OutputFormat, TaskOutput

__all__ = ["with_instances"]


def with_instances(outcome: Outcome, tasks: Sequence[Task[Any]]) -> Outcome:
    """Return `outcome`, its `pydantic` fields made anew by the classes of `tasks`.

    Raises ValueError where a class has changed so that it does not take what was recorded.
    """
    if not isinstance(outcome, CrewOutput):
        return outcome
    outcome.of_tasks(tasks)
    for task, output in zip(tasks, outcome.tasks_output, strict=False):
        cls = class_of_answer(task)
        if output.output_format is not OutputFormat.PYDANTIC or cls is None:
            continue
        fields = output.json_dict
        instance = cls.model_validate(fields)
        _set(output, instance)
        if outcome.json_dict == fields:
            _set(outcome, instance)
    return outcome


def _set(output: TaskOutput | CrewOutput, instance: Any) -> None:
    vars(output).update(pydantic=instance, json_dict=None)
