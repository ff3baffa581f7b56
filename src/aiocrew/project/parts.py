"""The agents, tasks and hooks that an instance's decorated methods give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from aiocrew.agent.agent import Agent
from aiocrew.crew.task import Task
from aiocrew.project.marks import Kind, names_of

__all__ = ["agents_of", "hooks_of", "tasks_of"]


def tasks_of(project: object) -> list[Task]:
    """Return the tasks, in order of definition."""
    return [getattr(project, name)() for name in names_of(type(project), "task")]


def agents_of(project: object) -> list[Agent]:
    """Return the agents, in order of definition, then those that tasks have made for themselves, a role once."""
    agents = [getattr(project, name)() for name in names_of(type(project), "agent")]
    roles = {agent.role for agent in agents}
    for task in tasks_of(project):
        if task.agent is not None and task.agent.role not in roles:
            agents.append(task.agent)
            roles.add(task.agent.role)
    return agents


def hooks_of(project: object, kind: Kind, *, beside: Sequence[Callable[..., Any]]) -> list[Callable[..., Any]]:
    """Return the bound methods of this kind, in order of definition, without those that stand in `beside`."""
    hooks: list[Callable[..., Any]] = [getattr(project, name) for name in names_of(type(project), kind)]
    return [hook for hook in hooks if hook not in beside]
