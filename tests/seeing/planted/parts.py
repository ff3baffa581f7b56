"""What the planted programs share."""

from __future__ import annotations

from typing import Any

from aiocrew import LLM, Agent, Crew, Task

SUBJECTS = ("bees", "tides", "maps", "salt", "glass", "bells")


def crew(*, model: Any = "openai/gpt-4o-mini", tools: Any = (), **fields: Any) -> Crew:
    """Return a crew of one agent and one task about {topic}."""
    llm = LLM(model) if isinstance(model, str) else model
    agent = Agent(role="Analyst", goal="Find out about {topic}", backstory="Careful.", llm=llm, tools=list(tools))
    task = Task(description="Research {topic}", expected_output="A sentence", agent=agent)
    return Crew(agents=[agent], tasks=[task], **fields)


def inputs(number: int) -> list[dict[str, str]]:
    """Return so many inputs, each of its own."""
    return [{"topic": f"{SUBJECTS[n % len(SUBJECTS)]} {n}"} for n in range(number)]
