"""A crew as one run needs it: filled in, resolved, checked, frozen. Planning is pure and cheap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from aiocrew.agent.answer import ANYTHING, AnswerRules
from aiocrew.agent.interpolation import interpolate
from aiocrew.agent.plan import AgentPlan
from aiocrew.crew.blueprint import CrewBlueprint
from aiocrew.crew.draft import CrewDraft, TaskDraft, draft_of
from aiocrew.crew.files import output_path
from aiocrew.crew.task_rules import rules_of_task
from aiocrew.crew.team import Team
from aiocrew.types.paths import ROOT, Path, child

__all__ = ["CrewPlan", "TaskPlan", "plan_crew"]


class TaskPlan(msgspec.Struct, frozen=True, gc=False):
    """All that a run reads of a task: what every run does, and what is this run's own."""

    draft: TaskDraft
    path: Path
    agent: AgentPlan
    description: str
    expected_output: str
    output_file: str | None
    rules: AnswerRules


class CrewPlan(msgspec.Struct, frozen=True, gc=False):
    """All that a run reads of a crew."""

    draft: CrewDraft
    tasks: tuple[TaskPlan, ...]
    after_kickoff: tuple[Callable[..., Any], ...]


def plan_crew(crew: CrewBlueprint, inputs: Mapping[str, Any] | None, root: Path = ROOT) -> CrewPlan:
    """Return the plan of one run. Raises BlueprintError and what planning its agents raises."""
    draft = draft_of(crew)
    team = None if draft.is_whole else Team(crew, inputs)
    tasks = tuple([_plan_task(task, number, team, inputs, root) for number, task in enumerate(draft.tasks)])
    return CrewPlan(draft, tasks, tuple(crew.after_kickoff_callbacks))


def _plan_task(
    task: TaskDraft, number: int, team: Team | None, inputs: Mapping[str, Any] | None, root: Path
) -> TaskPlan:
    agent = task.agent
    if agent is None:
        assert team is not None, "this draft is not whole"
        agent = team.plan_for(task.doer, task.written)
    owner = ("task", task.label)
    description = interpolate(task.description, inputs, owner, "description")
    expected_output = interpolate(task.expected_output, inputs, owner, "expected_output")
    return TaskPlan(
        task,
        task.path if root == ROOT else child(root, f"task-{number}"),
        agent,
        description,
        expected_output,
        output_path(task.output_file, inputs, owner) if task.output_file else None,
        ANYTHING
        if task.takes_anything
        else rules_of_task(task.written, agent.name, task.doer.llm, description, expected_output),
    )
