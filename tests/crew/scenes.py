"""Small crews for the scenarios."""

from __future__ import annotations

from typing import Any

from aiocrew.agent.agent import Agent
from aiocrew.crew.crew import Crew
from aiocrew.crew.task import Task

__all__ = ["agent_with", "one_task_crew", "task_for"]


def agent_with(model: Any, **fields: Any) -> Agent:
    return Agent(**{"role": "Analyst", "goal": "Find out", "backstory": "Careful.", "llm": model, **fields})


def task_for(agent: Agent, description: str = "Work on {topic}", **fields: Any) -> Task:
    return Task(description=description, agent=agent, **{"expected_output": "An answer", **fields})


def one_task_crew(model: Any, description: str = "Work on {topic}", **fields: Any) -> Crew:
    agent = agent_with(model)
    return Crew(agents=[agent], tasks=[task_for(agent, description)], **fields)
