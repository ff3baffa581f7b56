"""`Crew(config=...)`: agents and tasks as plain data, or as JSON text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from aiocrew.agent.agent import Agent
from aiocrew.crew.task import Task
from aiocrew.errors import BlueprintError

__all__ = ["with_parts_of_config"]

B = TypeVar("B", bound=BaseModel)


def with_parts_of_config(given: dict[str, Any]) -> dict[str, Any]:
    """Return a crew's keywords with the agents and tasks of its `config`; what is given beside it takes precedence.

    A task names its agent by role. Raises BlueprintError for what cannot be read, and says where it stands.
    """
    config = _read(given["config"])
    agents: Any = given.get("agents") or _made("agents", config, Agent)
    tasks: Any = given.get("tasks") or _made("tasks", _with_agents(config, agents), Task)
    if not agents or not tasks:
        raise BlueprintError("config of a crew needs 'agents' and 'tasks', each a list of dicts")
    return {**given, "config": config, "agents": agents, "tasks": tasks}


def _read(config: Any) -> Mapping[str, Any]:
    if isinstance(config, str | bytes):
        try:
            config = json.loads(config)
        except ValueError as error:
            raise BlueprintError(f"config of a crew is no JSON: {error}") from error
    if not isinstance(config, Mapping):
        raise BlueprintError(f"config of a crew must be a dict, or JSON text of one, not {type(config).__name__}")
    return cast("Mapping[str, Any]", config)


def _made(name: str, config: Mapping[str, Any], cls: type[B]) -> list[B]:
    made: list[B] = []
    for number, fields in enumerate(config.get(name) or ()):
        try:
            made.append(cls.model_validate(fields))
        except ValidationError as error:
            raise BlueprintError(f"config of a crew: {name}[{number}] cannot be used: {error}") from error
    return made


def _with_agents(config: Mapping[str, Any], agents: Sequence[Any]) -> dict[str, Any]:
    """Return the tasks of `config`, each with its agent itself in place of the role."""
    by_role = {agent.role: agent for agent in agents}
    return {"tasks": [_with_agent(fields, number, by_role) for number, fields in enumerate(config.get("tasks") or ())]}


def _with_agent(fields: Any, number: int, by_role: Mapping[str, Any]) -> Any:
    if not isinstance(fields, Mapping):
        return fields
    task = dict(cast("Mapping[str, Any]", fields))
    role = task.get("agent")
    if isinstance(role, str):
        if role not in by_role:
            roles = ", ".join(map(repr, by_role)) or "none"
            raise BlueprintError(f"config of a crew: tasks[{number}] names the agent {role!r}; the roles are: {roles}")
        task["agent"] = by_role[role]
    return task
