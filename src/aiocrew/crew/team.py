"""Who does which task of one run: the task's own agent, or a manager that hands it on. Planned once for each."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import msgspec

from aiocrew.agent.agent import Agent
from aiocrew.agent.coworkers import Coworker
from aiocrew.agent.plan import AgentPlan, plan_agent
from aiocrew.crew.blueprint import CrewBlueprint
from aiocrew.crew.process import Process
from aiocrew.crew.task import Task
from aiocrew.errors import BlueprintError
from aiocrew.models.lookup import resolve
from aiocrew.types.blueprint import AiocrewWarning

__all__ = ["Team"]


class Team:
    """The agents of one run. An agent with the same tools is planned once."""

    def __init__(self, crew: CrewBlueprint, inputs: Mapping[str, Any] | None) -> None:
        """Raises BlueprintError for a manager that has tools."""
        self.inputs = inputs
        self._crew = crew
        self._plans: dict[int, AgentPlan] = {}
        manager = crew.manager_agent
        if crew.process != Process.hierarchical:
            if manager is not None or crew.manager_llm is not None:
                warnings.warn(
                    f"crew {crew.name!r} has a manager, and no use for it: give it process=Process.hierarchical",
                    AiocrewWarning,
                    stacklevel=2,
                )
        elif manager is not None and manager.tools:
            raise BlueprintError(f"manager_agent {manager.role!r} must have no tools: it has others do the work")

    def plan_for(self, agent: Agent, task: Task[Any]) -> AgentPlan:
        """Return the plan of `agent`, who does `task`. Raises what planning an agent raises."""
        plan = self._plan_with(agent, task.own_tools) if task.own_tools else self._plan(agent)
        if self._crew.process == Process.hierarchical:
            coworkers = self._crew.agents if task.agent is None else [task.agent]
        elif agent.allow_delegation:
            coworkers = [other for other in self._crew.agents if other is not agent]
        else:
            return plan  # nearly every task
        from aiocrew.agent.delegation import delegating  # its tools take a while to load

        return delegating(plan, [self._coworker(coworker) for coworker in coworkers])

    def _coworker(self, agent: Agent) -> Coworker:
        plan = self._plan(agent)
        return Coworker(plan.name, lambda: plan, agent.allow_delegation)

    def _plan(self, agent: Agent) -> AgentPlan:
        if id(agent) not in self._plans:
            self._plans[id(agent)] = self._plan_with(agent, agent.tools)
        return self._plans[id(agent)]

    def _plan_with(self, agent: Agent, tools: list[Any]) -> AgentPlan:
        crew = self._crew
        plan = plan_agent(agent, tools, self.inputs, step_callback=crew.step_callback, cache=crew.cache)
        if crew.function_calling_llm is None or plan.converter is not None:
            return plan
        return msgspec.structs.replace(plan, converter=resolve(crew.function_calling_llm))
