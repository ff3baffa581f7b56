"""The crews that are measured, and what they send."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from benchmarks.serving import Captured, Server

if TYPE_CHECKING:
    from aiocrew import LLM, Crew
    from aiocrew.types.outputs import CrewOutput

__all__ = [
    "ONE_BY_ONE",
    "THREE_BY_TWO",
    "Make",
    "Shape",
    "build_crew",
    "kick_off",
    "kick_off_all",
    "model",
    "ready",
    "record",
    "what_a_crew_sends",
]

Make: TypeAlias = "Callable[[], Crew]"
BACKSTORY = "You have worked in this field for ten years, you check what you write, and you keep to what was asked."


class Shape(msgspec.Struct, frozen=True):
    """How large a crew is: every task is one model call."""

    name: str
    agents: int
    tasks_each: int

    @property
    def calls(self) -> int:
        return self.agents * self.tasks_each


ONE_BY_ONE = Shape("1 agent x 1 task", 1, 1)
THREE_BY_TWO = Shape("3 agents x 2 tasks", 3, 2)


def model(base_url: str) -> LLM:
    """Return the model that all crews of a row share; it refers to the loopback server."""
    from aiocrew import LLM

    return LLM(model="openai/bench", base_url=base_url, api_key="bench")


def build_crew(shape: Shape, llm: LLM, tools: Sequence[Any] = ()) -> Crew:
    """Return a sequential crew with agents and tasks of its own."""
    from aiocrew import Agent, Crew, Process, Task

    agents = [
        Agent(
            role=f"Researcher {number}",
            goal="Find out what matters about {topic} and say it in plain words",
            backstory=BACKSTORY,
            llm=llm,
            tools=list(tools),
        )
        for number in range(shape.agents)
    ]
    tasks = [
        Task(
            description=f"Step {number}: write down what is known about {{topic}} and what follows from it.",
            expected_output="Three sentences without headings.",
            agent=agent,
        )
        for agent in agents
        for number in range(shape.tasks_each)
    ]
    return Crew(agents=agents, tasks=tasks, process=Process.sequential)


def ready(crews: Iterable[Crew]) -> list[Make]:
    """Return crews that stand already in the form that `kick_off_all` takes."""
    return [lambda crew=crew: crew for crew in crews]


async def kick_off_all(crews: Iterable[Make]) -> list[CrewOutput]:
    """Kick off all crews at once, each with an input of its own, and return their outputs.

    A crew is made in the task that kicks it off.
    """
    return await asyncio.gather(*(kick_off(make, number) for number, make in enumerate(crews)))


async def kick_off(make: Make, number: int = 0) -> CrewOutput:
    """Make a crew and run it on an input that bears `number`."""
    return await make().kickoff_async(inputs={"topic": f"subject {number:05d}"})


@contextlib.contextmanager
def record() -> Generator[Sequence[Any]]:
    """Keep every event of the runs that start in the block, as a user who traces would."""
    from aiocrew.seeing.recorder import recording

    with recording() as events:
        yield events


async def what_a_crew_sends(server: Server, shape: Shape, base_url: str) -> list[Captured]:
    """Return the requests of one crew as they arrived at the server."""
    crew = build_crew(shape, model(base_url))
    server.capture()
    await kick_off_all(ready([crew]))
    return server.captured()
