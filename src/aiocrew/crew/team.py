"""Who does which task of one run: the task's own agent, or a manager that hands it on. Planned once for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiocrew.agent.agent import Agent
from aiocrew.agent.coworkers import Coworker
from aiocrew.agent.delegation import delegating
from aiocrew.agent.plan import AgentPlan, plan_agent
from aiocrew.crew.blueprint import CrewBlueprint
from aiocrew.crew.process import Process
from aiocrew.crew.task import Task

__all__ = ["Team"]


class Team:
    """The agents of one run. An agent with the same tools is planned once."""

    def __init__(self, crew: CrewBlueprint, inputs: Mapping[str, Any] | None) -> None:
        self.inputs = inputs
        self._crew = crew
        self._manager = _manager_of(crew) if crew.process is Process.hierarchical else None
        self._plans: dict[int, AgentPlan] = {}

    def doer(self, task: Task[Any]) -> AgentPlan:
        """Return the plan of whoever does `task`. Raises what planning an agent raises."""
        agent = self._manager or task.agent
        assert agent is not None, "graph() saw to it"
        plan = self._plan_with(agent, task.own_tools) if task.own_tools else self._plan(agent)
        if self._manager is not None:
            coworkers = self._crew.agents if task.agent is None else [task.agent]
        elif agent.allow_delegation:
            coworkers = [other for other in self._crew.agents if other is not agent]
        else:
            return plan  # nearly every task
        return delegating(plan, [self._coworker(coworker) for coworker in coworkers])

    def llm(self, task: Task[Any]) -> Any:
        """Return what stands in llm= of whoever does `task`."""
        agent = self._manager or task.agent
        return None if agent is None else agent.llm

    def _coworker(self, agent: Agent) -> Coworker:
        plan = self._plan(agent)
        return Coworker(plan.name, lambda: plan, agent.allow_delegation)

    def _plan(self, agent: Agent) -> AgentPlan:
        if id(agent) not in self._plans:
            self._plans[id(agent)] = self._plan_with(agent, agent.tools)
        return self._plans[id(agent)]

    def _plan_with(self, agent: Agent, tools: list[Any]) -> AgentPlan:
        crew = self._crew
        return plan_agent(agent, tools, self.inputs, step_callback=crew.step_callback, cache=crew.cache)


def _manager_of(crew: CrewBlueprint) -> Agent:
    return crew.manager_agent or Agent(
        role="Crew Manager",
        goal="Have your team do the task as well as it can be done, and answer with the result.",
        backstory=(
            "You lead a team. You hand each piece of work to the co-worker who is best at it, with all that it needs, "
            "ask where something is open, look at what comes back, and have done again what is not good enough."
        ),
        llm=crew.manager_llm,
    )
