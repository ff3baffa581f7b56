"""The manager of a hierarchical crew that names only a model for it."""

from __future__ import annotations

from typing import Any

from aiocrew.agent.agent import Agent

__all__ = ["manager_with"]


def manager_with(llm: Any) -> Agent:
    """Return an agent that leads a crew, and thinks with `llm`."""
    return Agent(
        role="Crew Manager",
        goal="Have your team do the task as well as it can be done, and answer with the result.",
        backstory=(
            "You lead a team. You hand each piece of work to the co-worker who is best at it, with all that it needs, "
            "ask where something is open, look at what comes back, and have done again what is not good enough."
        ),
        llm=llm,
    )
