"""What a crew asks, as a digest: equal as long as an outcome that was recorded may be taken for a new one's."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from aiocrew.agent.blueprint import AgentBlueprint
from aiocrew.aio.functions import name_of
from aiocrew.batch.keys import canonical_json
from aiocrew.crew.blueprint import CrewBlueprint
from aiocrew.crew.conditional import ConditionalTask
from aiocrew.crew.graph import Node
from aiocrew.crew.process import Process
from aiocrew.crew.task import Task
from aiocrew.crew.task_rules import class_of_answer
from aiocrew.models.answers import answer_spec
from aiocrew.models.lookup import resolve
from aiocrew.tools.base import BaseTool, as_tool
from aiocrew.tools.form import form_of

__all__ = ["digest_of"]

_VERSION = 2
"""Counted up when other things go into the digest, so that no older digest is taken for a new one."""


def digest_of(crew: CrewBlueprint, inputs: Mapping[str, Any] | None) -> bytes:
    """Return a digest of what `crew` asks of its models for `inputs`.

    In it: the texts of tasks and agents, the forms of answers, guardrails by their words or names, who may hand work to
    whom, models and their parameters, the tools as they are described, their versions, the graph, the inputs. Not in
    it: code of tools, callbacks, guardrails and conditions, addresses, keys, limits, files to be written, and the words
    that aiocrew itself puts around the texts. Of an input's value that is not JSON only the type counts, of a model of
    one's own only the class. Raises what planning a run raises: BlueprintError, NotBuiltError.
    """
    tasks = [_of_task(crew, task, node) for task, node in zip(crew.tasks, crew.graph(), strict=True)]
    filled_with = None if inputs is None else [[name, _of_value(value)] for name, value in sorted(inputs.items())]
    asked = [_VERSION, tasks, _of_team(crew), _model(crew.function_calling_llm), filled_with]
    return blake2b(canonical_json(asked), digest_size=32).digest()


def _model(llm: Any) -> str | None:
    return None if llm is None else resolve(llm).identity.decode()


def _of_value(value: Any) -> str:
    try:
        return canonical_json(value).decode()
    except (TypeError, ValueError):  # then the key is the user's own, and answers for the content
        return f"{type(value).__module__}.{type(value).__qualname__}"


def _of_team(crew: CrewBlueprint) -> list[Any]:
    """Return what counts of those who may be handed work; nothing where nobody hands it on."""
    manager = crew.manager_agent
    if crew.process == Process.sequential and not any(agent.allow_delegation for agent in crew.everyone()):
        return []
    led_by = _model(crew.manager_llm)
    members = [[*_of_agent(agent), *map(_of_tool, map(as_tool, agent.tools))] for agent in crew.agents]
    return [str(crew.process), led_by, None if manager is None else _of_agent(manager), members]


def _of_task(crew: CrewBlueprint, task: Task[Any], node: Node) -> list[Any]:
    agent = task.agent
    own = task.own_tools or ([] if agent is None else agent.tools)
    tools = [_of_tool(as_tool(tool)) for tool in own]
    graph = [sorted(node.waits), node.sees]
    who = None if agent is None else _of_agent(agent)
    return [task.description, task.expected_output, graph, who, tools, _of_rules(task, crew.doer(task))]


def _of_rules(task: Task[Any], doer: AgentBlueprint | None) -> list[Any]:
    cls = class_of_answer(task, None if doer is None else doer.llm)
    form = None if cls is None else [answer_spec(cls).name, bytes(answer_spec(cls).schema).decode()]
    judges = [judge if isinstance(judge, str) else name_of(judge) for judge in task.judges]
    condition = task.condition if isinstance(task, ConditionalTask) else None
    others = [None if function is None else name_of(function) for function in (condition, task.converter_cls)]
    return [form, task.output_json is not None, judges, task.human_input, task.markdown, *others]


def _of_agent(agent: AgentBlueprint) -> list[Any]:
    models = [_model(agent.llm), _model(agent.function_calling_llm)]
    templates = [agent.system_template, agent.prompt_template, agent.response_template]
    who = [agent.role, agent.goal, agent.backstory]
    return [*who, agent.use_system_prompt, agent.allow_delegation, templates, *models]


def _of_tool(tool: BaseTool) -> list[Any]:
    spec = form_of(tool).spec
    parameters = bytes(spec.parameters).decode()
    return [spec.name, spec.description, parameters, tool.version, tool.result_as_answer]
