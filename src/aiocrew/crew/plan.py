"""A crew as one run needs it: filled in, resolved, checked, frozen. Planning is pure and cheap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec

from aiocrew.agent.answer import AnswerRules
from aiocrew.agent.interpolation import interpolate
from aiocrew.agent.plan import AgentPlan
from aiocrew.crew.blueprint import CrewBlueprint
from aiocrew.crew.files import output_path
from aiocrew.crew.graph import Node
from aiocrew.crew.task import Task
from aiocrew.crew.task_rules import rules_of_task
from aiocrew.crew.team import Team
from aiocrew.errors import BlueprintError, Location
from aiocrew.types.paths import ROOT, Path, child

__all__ = ["CrewPlan", "TaskPlan", "plan_crew"]


class TaskPlan(msgspec.Struct, frozen=True, gc=False):
    """All that a run reads of a task."""

    path: Path
    label: str
    name: str | None
    description: str
    expected_output: str
    agent: AgentPlan
    callback: Callable[..., Any] | None
    output_file: str | None
    create_directory: bool
    at: Location
    rules: AnswerRules
    markdown: bool
    condition: Callable[..., Any] | None
    written: Task[Any]
    """The blueprint: the run publishes the output to it when it has ended."""


class CrewPlan(msgspec.Struct, frozen=True, gc=False):
    """All that a run reads of a crew."""

    tasks: tuple[TaskPlan, ...]
    nodes: tuple[Node, ...]
    after_kickoff: tuple[Callable[..., Any], ...]
    written: tuple[Task[Any], ...]
    """The blueprints behind `tasks`."""


def plan_crew(crew: CrewBlueprint, inputs: Mapping[str, Any] | None, root: Path = ROOT) -> CrewPlan:
    """Return the plan of one run. Raises BlueprintError and what planning its agents raises."""
    if not crew.tasks:
        raise BlueprintError(f"crew {crew.name!r} has no tasks")
    nodes = crew.graph()
    team = Team(crew, inputs)
    return CrewPlan(
        tasks=tuple([_plan_task(crew, team, task, child(root, f"task-{n}")) for n, task in enumerate(crew.tasks)]),
        nodes=nodes,
        after_kickoff=tuple(crew.after_kickoff_callbacks),
        written=tuple(crew.tasks),
    )


def _plan_task(crew: CrewBlueprint, team: Team, task: Task[Any], path: Path) -> TaskPlan:
    inputs, label = team.inputs, task.label
    owner = ("task", label)
    doer = crew.doer(task)
    assert doer is not None, "graph() saw to it"
    agent = team.plan_for(doer, task)
    description = interpolate(task.description, inputs, owner, "description")
    expected_output = interpolate(task.expected_output, inputs, owner, "expected_output")
    return TaskPlan(
        path=path,
        label=label,
        name=task.name,
        description=description,
        expected_output=expected_output,
        agent=agent,
        callback=task.callback or crew.task_callback,
        output_file=output_path(task.output_file, inputs, owner) if task.output_file else None,
        create_directory=task.create_directory,
        at=Location(crew.name, label, agent.name),
        rules=rules_of_task(task, agent.name, doer.llm, description, expected_output),
        markdown=task.markdown,
        condition=cast("Any", task).condition if task.is_conditional else None,
        written=task,
    )
