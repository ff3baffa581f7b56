"""What a run shows on its blueprints when it has ended, for people to read. Nothing in the engine reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiocrew.crew.blueprint import CrewBlueprint
from aiocrew.crew.draft import CrewDraft
from aiocrew.types.outputs import TaskOutput
from aiocrew.types.usage import UsageMetrics

__all__ = ["publish"]


def publish(
    crew: CrewBlueprint,
    draft: CrewDraft,
    outputs: Sequence[TaskOutput],
    tool_results: Mapping[int, list[dict[str, Any]]],
    usage: UsageMetrics,
) -> None:
    """Set crew.usage_metrics, task.output and agent.tools_results; with concurrent runs the last one wins."""
    # Into the objects' own dicts: what is published was made by the engine and needs no validation.
    vars(crew)["usage_metrics"] = usage
    for task, output in zip(draft.written, outputs, strict=True):
        vars(task)["output"] = output
    for doer, numbers in draft.doers:
        vars(doer)["tools_results"] = [result for number in numbers for result in tool_results.get(number, ())]
