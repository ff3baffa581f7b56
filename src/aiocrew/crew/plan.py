"""A crew as one run needs it: filled in, resolved, checked, frozen. Planning is pure and cheap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from aiocrew.agent.agent import Agent
from aiocrew.agent.interpolation import interpolate
from aiocrew.agent.plan import AgentPlan, plan_agent
from aiocrew.crew.blueprint import CrewBlueprint
from aiocrew.crew.files import output_path
from aiocrew.crew.graph import Node
from aiocrew.crew.task import Task
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


class CrewPlan(msgspec.Struct, frozen=True, gc=False):
    """All that a run reads of a crew."""

    tasks: tuple[TaskPlan, ...]
    nodes: tuple[Node, ...]
    after_kickoff: tuple[Callable[..., Any], ...]
    written: tuple[Task, ...]
    """The blueprints behind `tasks`: the run publishes its outputs to them when it has ended."""


def plan_crew(crew: CrewBlueprint, inputs: Mapping[str, Any] | None, root: Path = ROOT) -> CrewPlan:
    """Return the plan of one run. Raises BlueprintError and what planning its agents raises."""
    if not crew.tasks:
        raise BlueprintError(f"crew {crew.name!r} has no tasks")
    nodes = crew.graph()
    planner = _Planner(crew, inputs, root)
    return CrewPlan(
        tasks=tuple(planner.plan(number, task) for number, task in enumerate(crew.tasks)),
        nodes=nodes,
        after_kickoff=tuple(crew.after_kickoff_callbacks),
        written=tuple(crew.tasks),
    )


class _Planner:
    """Plans the tasks of one run; an agent with the same tools is planned once."""

    def __init__(self, crew: CrewBlueprint, inputs: Mapping[str, Any] | None, root: Path) -> None:
        self._crew = crew
        self._root = root
        self._inputs = inputs
        self._agents: dict[int, AgentPlan] = {}

    def plan(self, number: int, task: Task) -> TaskPlan:
        inputs = self._inputs
        label = task.label
        owner = ("task", label)
        assert task.agent is not None, "graph() saw to it"
        agent = self._agent(task.agent, task)
        return TaskPlan(
            path=child(self._root, f"task-{number}"),
            label=label,
            name=task.name,
            description=interpolate(task.description, inputs, owner, "description"),
            expected_output=interpolate(task.expected_output, inputs, owner, "expected_output"),
            agent=agent,
            callback=task.callback or self._crew.task_callback,
            output_file=output_path(task.output_file, inputs, owner) if task.output_file else None,
            create_directory=task.create_directory,
            at=Location(self._crew.name, label, agent.name),
        )

    def _agent(self, agent: Agent, task: Task) -> AgentPlan:
        if task.tools:
            return self._plan_agent(agent, task)
        if id(agent) not in self._agents:
            self._agents[id(agent)] = self._plan_agent(agent, task)
        return self._agents[id(agent)]

    def _plan_agent(self, agent: Agent, task: Task) -> AgentPlan:
        crew = self._crew
        return plan_agent(
            agent, task.tools or agent.tools, self._inputs, step_callback=crew.step_callback, cache=crew.cache
        )
