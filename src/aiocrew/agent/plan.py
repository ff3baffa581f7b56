"""An agent as one task of one run needs it: filled in, resolved, frozen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from aiocrew.agent.blueprint import AgentBlueprint
from aiocrew.agent.interpolation import interpolate
from aiocrew.agent.prompt import Persona, Templates
from aiocrew.models.lookup import ResolvedModel, resolve
from aiocrew.tools.base import BaseTool, as_tool
from aiocrew.tools.cache import CacheHandler
from aiocrew.tools.toolbox import Toolbox, make_toolbox
from aiocrew.types.terms import Pace

__all__ = ["AgentPlan", "plan_agent"]


# A crew may keep one as long as it lives, and a callback in it may lead back to that crew: the collector has to see it.
class AgentPlan(msgspec.Struct, frozen=True):
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
    converter: ResolvedModel | None = None
    """Brings an answer into its form, where the agent's own model failed to."""
    kept: CacheHandler | None = None

    def helper(self, persona: Persona, model: ResolvedModel | None = None) -> AgentPlan:
        """Return the plan of whoever judges or converts this agent's answers: no tools, and a few replies at most.

        Where it is another model, it has no templates: those are written for one model.
        """
        templates = self.persona.templates if model is None else None
        return msgspec.structs.replace(
            self,
            persona=msgspec.structs.replace(persona, templates=templates),
            model=model or self.model,
            converter=self.converter if model is None else None,
            toolbox=make_toolbox(()),
            step_callback=None,
            max_iter=1,
            max_retry_limit=0,
            max_execution_time=None,  # the agent's own is around it
        )


def plan_agent(
    agent: AgentBlueprint,
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
            templates=_templates(agent),
        ),
        model=resolve(agent.llm),
        toolbox=make_toolbox([as_tool(tool) for tool in tools] if tools else ()),
        max_iter=agent.max_iter,
        max_execution_time=agent.max_execution_time,
        max_retry_limit=agent.max_retry_limit,
        step_callback=agent.step_callback or step_callback,
        use_system_prompt=agent.use_system_prompt,
        cache=agent.cache and (cache or agent.cache_handler is not None),
        pace=agent.pace(),
        converter=None if agent.function_calling_llm is None else resolve(agent.function_calling_llm),
        kept=agent.cache_handler,
    )


def _templates(agent: AgentBlueprint) -> Templates | None:
    system, prompt, response = agent.system_template, agent.prompt_template, agent.response_template
    return Templates(system, prompt, response) if system or prompt or response else None
