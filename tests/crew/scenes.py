"""Small crews for the scenarios."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiocrew.agent.agent import Agent
from aiocrew.crew.crew import Crew
from aiocrew.crew.task import Task
from aiocrew.testing.models import FunctionModel
from aiocrew.types.messages import Request

__all__ = ["agent_with", "meeting", "one_task_crew", "task_for"]


def agent_with(model: Any, **fields: Any) -> Agent:
    return Agent(**{"role": "Analyst", "goal": "Find out", "backstory": "Careful.", "llm": model, **fields})


def meeting(number: int, answer: Callable[[Request], str], **fields: Any) -> FunctionModel:
    """Return a model that answers when `number` calls are in flight: side by side, however slow the machine, or never.

    On real time a call that only takes a moment may have ended before the last of many runs begins.
    """

    async def together(request: Request) -> str:
        if model.peak < number:  # who comes here later is not to wait for those who have left
            await model.reached(number)
        return answer(request)

    model = FunctionModel(together, **fields)
    return model


def task_for(agent: Agent, description: str = "Work on {topic}", **fields: Any) -> Task:
    return Task(description=description, agent=agent, **{"expected_output": "An answer", **fields})


def one_task_crew(model: Any, description: str = "Work on {topic}", **fields: Any) -> Crew:
    agent = agent_with(model)
    return Crew(agents=[agent], tasks=[task_for(agent, description)], **fields)
