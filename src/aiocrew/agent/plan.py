"""An agent as one task of one run needs it: filled in, resolved, frozen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from aiocrew.agent.agent import Agent
from aiocrew.agent.interpolation import interpolate
from aiocrew.agent.prompt import Persona
from aiocrew.models.lookup import ResolvedModel, resolve
from aiocrew.tools.base import BaseTool, as_tool
from aiocrew.tools.toolbox import Toolbox, make_toolbox
from aiocrew.types.terms import Pace

__all__ = ["AgentPlan", "plan_agent"]


class AgentPlan(msgspec.Struct, frozen=True, gc=False):
    """All that the loop reads of an agent."""

    name: str
    persona: Persona
    model: ResolvedModel
    toolbox: Toolbox
    max_iter: int
    max_execution_time: float | None
    max_retry_limit: int
    step_callback: Callable[..., Any] | None
    use_system_prompt: bool
    cache: bool
    pace: Pace | None


def plan_agent(
    agent: Agent,
    tools: Sequence[BaseTool],
    inputs: Mapping[str, Any] | None,
    *,
    step_callback: Callable[..., Any] | None,
    cache: bool,
) -> AgentPlan:
    """Return the plan of `agent` with `tools`; the crew's `step_callback` serves an agent that has none.

    Raises MissingInputError, and what resolving its model raises.
    """
    owner = ("agent", agent.role)
    role = interpolate(agent.role, inputs, owner, "role").strip()
    return AgentPlan(
        name=role,
        persona=Persona(
            role=role,
            goal=interpolate(agent.goal, inputs, owner, "goal").strip(),
            backstory=interpolate(agent.backstory, inputs, owner, "backstory").strip(),
        ),
        model=resolve(agent.llm),
        toolbox=make_toolbox([as_tool(tool) for tool in tools] if tools else ()),
        max_iter=agent.max_iter,
        max_execution_time=agent.max_execution_time,
        max_retry_limit=agent.max_retry_limit,
        step_callback=agent.step_callback or step_callback,
        use_system_prompt=agent.use_system_prompt,
        cache=cache and agent.cache,
        pace=agent.pace(),
    )
