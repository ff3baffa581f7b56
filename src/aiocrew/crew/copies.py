"""A crew copied, and what its texts ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from aiocrew.agent.agent import Agent
from aiocrew.agent.interpolation import placeholders
from aiocrew.crew.blueprint import CrewBlueprint
from aiocrew.crew.task import Task
from aiocrew.types.blueprint import Blueprint

__all__ = ["copy_of_crew", "placeholders_of"]

B = TypeVar("B", bound=Blueprint)
C = TypeVar("C", bound=CrewBlueprint)

_PUBLISHED: dict[str, Any] = {"output": None, "usage_metrics": None, "tools_results": []}


def copy_of_crew(crew: C) -> C:
    """Return an equal crew whose agents and tasks are copies, joined as they are in `crew`.

    Models, tools and callbacks are shared. Nothing is published on the copies yet.
    """
    agents = {id(agent): _copy(agent) for agent in crew.everyone()}
    tasks = {id(task): _copy(task) for task in crew.tasks}
    for task in tasks.values():
        _join(task, agents, tasks)
    twin = _copy(crew)
    twin.agents = [agents[id(agent)] for agent in crew.agents]
    twin.tasks = [tasks[id(task)] for task in crew.tasks]
    twin.manager_agent = None if crew.manager_agent is None else agents[id(crew.manager_agent)]
    return twin


def _join(task: Task[Any], agents: dict[int, Agent], tasks: dict[int, Task[Any]]) -> None:
    if task.agent is not None:
        task.agent = agents[id(task.agent)]
    if task.context is not None:
        task.context = [tasks.get(id(named), named) for named in task.context]


def _copy(blueprint: B) -> B:
    twin = blueprint.model_copy()
    fields = vars(twin)
    fields.pop("id", None)  # it was asked for before
    for name, value in fields.items():
        if name in _PUBLISHED:
            value = _PUBLISHED[name]
        fields[name] = value.copy() if type(value) is list else value
    return twin


def placeholders_of(crew: CrewBlueprint) -> set[str]:
    """Return the names of all placeholders that a kickoff of `crew` fills."""
    return {name for text in _texts(crew) for name in placeholders(text)}


def _texts(crew: CrewBlueprint) -> Iterator[str]:
    for agent in crew.everyone():
        yield from (agent.role, agent.goal, agent.backstory)
    for task in crew.tasks:
        yield from (task.description, task.expected_output, task.output_file or "")
