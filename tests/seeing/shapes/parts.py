"""What these programs share."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from aiocrew import Agent, Crew, Task
from tests.doubles import ScriptedModel, calls

WORDS = [
    "amber",
    "basalt",
    "cobalt",
    "dolomite",
    "emerald",
    "feldspar",
    "garnet",
    "hematite",
    "ivory",
    "jasper",
    "kyanite",
    "lapis",
]
DELAY_S = 0.1


def crew(*, tools: Any = (), name: str = "", delay_s: float = DELAY_S, **fields: Any) -> Crew:
    """Return a crew of one agent and one task about {topic}, which calls each of `tools` once."""
    numbers = count()

    def by(request: Any) -> Any:
        used = sum(type(message).__name__ == "ToolResult" for message in request.messages)
        if used < len(tools):
            return calls((tools[used].name, {"topic": "salt"}))
        number = next(numbers)
        one, other = WORDS[number % 11], WORDS[(number * 5 + 3) % 11]
        return f"{one.capitalize()} {number} was found beside {other}{name}."

    agent = Agent(
        role=f"Analyst{name}",
        goal="Find out",
        backstory="Careful.",
        llm=ScriptedModel(by=by, delay_s=delay_s),
        tools=list(tools),
    )
    task = Task(description="Research {topic}", expected_output="A sentence", agent=agent, **fields)
    return Crew(agents=[agent], tasks=[task])


def topics(number: int = 6) -> list[dict[str, str]]:
    """Return so many inputs, each of its own."""
    subjects = ("bees", "tides", "maps", "salt", "glass", "bells")
    return [{"topic": f"{subjects[n % len(subjects)]} {n}"} for n in range(number)]


def in_real_time(program: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a program that blocks, has threads, or a loop of its own."""
    program.is_real = True  # type: ignore[attr-defined]
    return program
