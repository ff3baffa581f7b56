"""What a crew asks, as a digest: equal as long as an outcome that was recorded may be taken for a new one's."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from aiocrew.agent.agent import Agent
from aiocrew.batch.keys import canonical_json
from aiocrew.crew.blueprint import CrewBlueprint
from aiocrew.crew.graph import Node
from aiocrew.crew.task import Task
from aiocrew.models.lookup import resolve
from aiocrew.tools.base import BaseTool, as_tool
from aiocrew.tools.form import form_of

__all__ = ["digest_of"]

_VERSION = 1
"""Counted up when other things go into the digest, so that no older digest is taken for a new one."""


def digest_of(crew: CrewBlueprint, inputs: Mapping[str, Any] | None) -> bytes:
    """Return a digest of what `crew` asks of its models for `inputs`.

    In it: the texts of tasks and agents, models and their parameters, the tools as they are described, their versions,
    the graph, the inputs. Not in it: code of tools and callbacks, addresses, keys, limits, files to be written, and the
    words that aiocrew itself puts around the texts. Of an input's value that is not JSON only the type counts, of a
    model of one's own only the class. Raises what planning a run raises: BlueprintError, NotBuiltError.
    """
    tasks = [_of_task(task, node) for task, node in zip(crew.tasks, crew.graph(), strict=True)]
    filled_with = None if inputs is None else [[name, _of_value(value)] for name, value in sorted(inputs.items())]
    return blake2b(canonical_json([_VERSION, tasks, filled_with]), digest_size=32).digest()


def _of_value(value: Any) -> str:
    try:
        return canonical_json(value).decode()
    except (TypeError, ValueError):  # then the key is the user's own, and answers for the content
        return f"{type(value).__module__}.{type(value).__qualname__}"


def _of_task(task: Task, node: Node) -> list[Any]:
    assert task.agent is not None, "graph() saw to it"
    tools = [_of_tool(as_tool(tool)) for tool in task.tools or task.agent.tools]
    graph = [sorted(node.waits), node.sees]
    return [task.description, task.expected_output, graph, _of_agent(task.agent), tools]


def _of_agent(agent: Agent) -> list[Any]:
    model = resolve(agent.llm).identity.decode()
    return [agent.role, agent.goal, agent.backstory, agent.use_system_prompt, model]


def _of_tool(tool: BaseTool) -> list[Any]:
    spec = form_of(tool).spec
    parameters = bytes(spec.parameters).decode()
    return [spec.name, spec.description, parameters, tool.version, tool.result_as_answer]
