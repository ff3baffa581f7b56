"""Small crews whose calls go out over sockets."""

from __future__ import annotations

from typing import Any

from aiocrew import Agent, Crew, Task

__all__ = ["crew_for", "crew_side_by_side"]


def analyst(**fields: Any) -> Agent:
    return Agent(**{"role": "Analyst", "goal": "Find out", "backstory": "Careful.", **fields})


def crew_for(text: str, **fields: Any) -> Crew:
    """Return a crew of one task; the fields are its agent's."""
    agent = analyst(**fields)
    return Crew(agents=[agent], tasks=[Task(description=text, expected_output="An answer", agent=agent)])


def crew_side_by_side(*texts: str, **of_the_first: Any) -> Crew:
    """Return a crew whose tasks all run at once; the fields are its first task's."""
    agent = analyst()
    fields: list[dict[str, Any]] = [of_the_first, *({} for _ in texts[1:])]
    tasks = [
        Task(description=text, expected_output="An answer", agent=agent, async_execution=True, **more)
        for text, more in zip(texts, fields, strict=True)
    ]
    return Crew(agents=[agent], tasks=tasks)
