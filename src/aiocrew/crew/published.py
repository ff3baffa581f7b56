"""What a run shows on its blueprints when it has ended, for people to read. Nothing in the engine reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiocrew.crew.blueprint import CrewBlueprint
from aiocrew.crew.task import Task
from aiocrew.types.outputs import TaskOutput
from aiocrew.types.usage import UsageMetrics

__all__ = ["publish"]


def publish(
    crew: CrewBlueprint,
    tasks: Sequence[Task[Any]],
    outputs: Sequence[TaskOutput],
    tool_results: Mapping[int, list[dict[str, Any]]],
    usage: UsageMetrics,
) -> None:
    """Set crew.usage_metrics, task.output and agent.tools_results; with concurrent runs the last one wins."""
    # Into the objects' own dicts: what is published was made by the engine and needs no validation.
    vars(crew)["usage_metrics"] = usage
    by_agent: dict[int, list[dict[str, Any]]] = {}
    for number, (task, output) in enumerate(zip(tasks, outputs, strict=True)):
        vars(task)["output"] = output
        doer = crew.doer(task)
        if doer is not None:
            results = by_agent.setdefault(id(doer), [])
            results.extend(tool_results.get(number, ()))
            vars(doer)["tools_results"] = results
