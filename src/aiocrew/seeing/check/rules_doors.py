"""The rules about doors: synchronous ones on the loop, and coroutines that nobody awaits."""

from __future__ import annotations

from aiocrew.seeing.check.rule import Rule

__all__ = ["DOOR_RULES"]

DOOR_RULES = (
    Rule(
        code="AIC101",
        name="`kickoff()` in async code",
        why=(
            "A synchronous kickoff, of a crew, a flow, an agent or a task, keeps its thread until it has ended. "
            "In an `async def` that thread is the event loop's: every other crew, request and timer stands still "
            "meanwhile. A plain function or method of the same module that kicks off counts where an `async def` "
            "calls it."
        ),
        bad="""\
from aiocrew import Crew


async def research(crew: Crew, topic: str) -> str:
    return crew.kickoff({"topic": topic}).raw
""",
        good="""\
from aiocrew import Crew


async def research(crew: Crew, topic: str) -> str:
    return (await crew.kickoff_async({"topic": topic})).raw
""",
    ),
    Rule(
        code="AIC102",
        name="`kickoff_for_each()` in async code",
        why=(
            "It returns when the last input is done, and stops the event loop until then. CrewAI's does the "
            "inputs one after another besides."
        ),
        bad="""\
from crewai import Crew


async def research(crew: Crew, topics: list[str]) -> list[str]:
    outputs = crew.kickoff_for_each([{"topic": topic} for topic in topics])
    return [output.raw for output in outputs]
""",
        good="""\
from crewai import Crew


async def research(crew: Crew, topics: list[str]) -> list[str]:
    outputs = await crew.kickoff_for_each_async([{"topic": topic} for topic in topics])
    return [output.raw for output in outputs]
""",
    ),
    Rule(
        code="AIC103",
        name="`LLM.call()` in async code",
        why="The event loop waits for the model's whole reply. `acall` asks the same without stopping it.",
        bad="""\
from aiocrew import LLM

llm = LLM("openai/gpt-4o-mini")


async def summary_of(text: str) -> str:
    return llm.call(f"Sum up: {text}")
""",
        good="""\
from aiocrew import LLM

llm = LLM("openai/gpt-4o-mini")


async def summary_of(text: str) -> str:
    return await llm.acall(f"Sum up: {text}")
""",
    ),
    Rule(
        code="AIC104",
        name="`asyncio.run()` in async code",
        why=(
            "A thread has one running event loop. `asyncio.run`, `run_until_complete` of another loop and asgiref's "
            "`async_to_sync` raise RuntimeError where one runs already; and the crew has not run."
        ),
        bad="""\
import asyncio

from crewai import Crew


async def research(crew: Crew) -> str:
    return asyncio.run(crew.kickoff_async()).raw
""",
        good="""\
from crewai import Crew


async def research(crew: Crew) -> str:
    return (await crew.kickoff_async()).raw
""",
    ),
    Rule(
        code="AIC105",
        name="`nest_asyncio.apply()`",
        why=(
            "The patch lets a running loop be started again, so that `kickoff()` inside it no longer says that it "
            "blocks. The crews still wait for one another, now silently, and in the order of the nesting."
        ),
        bad="""\
import nest_asyncio

from crewai import Crew


def research(crew: Crew) -> str:
    nest_asyncio.apply()
    return crew.kickoff().raw
""",
        good="""\
from crewai import Crew


async def research(crew: Crew) -> str:
    return (await crew.kickoff_async()).raw
""",
    ),
    Rule(
        code="AIC301",
        name="A coroutine that is never awaited",
        why=(
            "`kickoff_async()`, `akickoff()` and the like only make a coroutine. Where nobody awaits it nothing "
            "runs, and reading `.raw` of it, or printing it, gives no output. One that is returned, gathered or "
            "kept is fine."
        ),
        bad="""\
from crewai import Crew


async def research(crew: Crew, topic: str) -> None:
    crew.kickoff_async(inputs={"topic": topic})
""",
        good="""\
from crewai import Crew


async def research(crew: Crew, topic: str) -> None:
    await crew.kickoff_async(inputs={"topic": topic})
""",
    ),
)
