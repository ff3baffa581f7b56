"""The rules about runs that wait for one another, and about those that fail together."""

from __future__ import annotations

from aiocrew.seeing.check.rule import Rule

__all__ = ["ORDER_RULES"]

ORDER_RULES = (
    Rule(
        code="AIC401",
        name="Runs awaited one after another in a loop",
        why=(
            "Each pass waits for its run before the next one begins; passes that gather a chunk each wait for the "
            "slowest of it. Reported only where no run can be seen to need an earlier one's output, whether as an "
            "input, in a condition, by what it was added to or by what a helper, tool or callback of the module keeps; "
            "where the loop has no `break` or `return`, nobody is asked in between, it keeps no pace by itself, and "
            "goes through what is there already, not through what comes in: standard input, a queue, messages. "
            "Where that is not certain nothing is reported. A function of the same module that kicks off counts as a "
            "run, here and in AIC402 to AIC501."
        ),
        bad="""\
from crewai import Crew


async def research(crews: list[Crew]) -> list[str]:
    texts = []
    for crew in crews:
        output = await crew.kickoff_async()
        texts.append(output.raw)
    return texts
""",
        good="""\
import asyncio

from crewai import Crew


async def research(crews: list[Crew]) -> list[str]:
    outputs = await asyncio.gather(*[crew.kickoff_async() for crew in crews], return_exceptions=True)
    return [str(output) for output in outputs]
""",
    ),
    Rule(
        code="AIC402",
        name="Independent runs awaited in a row",
        why=(
            "The second run begins when the first has ended, and uses nothing of it. Reported only where the "
            "first one's output is kept: a run whose output is dropped is there for what else it does, perhaps "
            "for the second."
        ),
        bad="""\
from aiocrew import Crew


async def both(facts: Crew, views: Crew, topic: str) -> str:
    found = await facts.kickoff_async({"topic": topic})
    said = await views.kickoff_async({"topic": topic})
    return f"{found}\\n{said}"
""",
        good="""\
import asyncio

from aiocrew import Crew


async def both(facts: Crew, views: Crew, topic: str) -> str:
    inputs = {"topic": topic}
    runs = (facts.kickoff_async(inputs), views.kickoff_async(inputs))
    found, said = await asyncio.gather(*runs, return_exceptions=True)
    return f"{found}\\n{said}"
""",
    ),
    Rule(
        code="AIC403",
        name="Synchronous kickoffs one after another in a loop",
        why=(
            "The same as AIC401 in plain code, by `kickoff`, or by `asyncio.run` in each pass. It can have its inputs "
            "done at once without a line of async: by `kickoff_for_each`, which in aiocrew runs them side by side."
        ),
        bad="""\
from aiocrew import Crew


def research(crew: Crew, topics: list[str]) -> list[str]:
    return [crew.kickoff({"topic": topic}).raw for topic in topics]
""",
        good="""\
from aiocrew import Crew


def research(crew: Crew, topics: list[str]) -> list[str]:
    outcomes = crew.kickoff_for_each([{"topic": topic} for topic in topics])
    return [outcome.raw for outcome in outcomes]
""",
    ),
    Rule(
        code="AIC404",
        name="A lock held while a crew runs",
        why=(
            "Whoever comes second waits for a whole run. Crews and agents of aiocrew need no lock: a run keeps "
            "its state to itself. What is really shared can be guarded after the run."
        ),
        bad="""\
import asyncio

from aiocrew import Crew

guard = asyncio.Lock()


async def research(crew: Crew, topic: str, texts: list[str]) -> None:
    async with guard:
        output = await crew.kickoff_async({"topic": topic})
        texts.append(output.raw)
""",
        good="""\
import asyncio

from aiocrew import Crew

guard = asyncio.Lock()


async def research(crew: Crew, topic: str, texts: list[str]) -> None:
    output = await crew.kickoff_async({"topic": topic})
    async with guard:
        texts.append(output.raw)
""",
    ),
    Rule(
        code="AIC405",
        name="A thread for each kickoff",
        why=(
            "A pool has few threads, asyncio's own 5 to 32, and other work needs them too: crews beyond that "
            "number wait in its queue. `kickoff_async` takes no thread for a crew. A function that waits for a "
            "database or the like besides may have its thread."
        ),
        bad="""\
import asyncio

from aiocrew import Crew


async def research(crew: Crew, topic: str) -> str:
    return (await asyncio.to_thread(crew.kickoff, {"topic": topic})).raw
""",
        good="""\
from aiocrew import Crew


async def research(crew: Crew, topic: str) -> str:
    return (await crew.kickoff_async({"topic": topic})).raw
""",
    ),
    Rule(
        code="AIC501",
        name="`gather` over kickoffs without isolation",
        why=(
            "`asyncio.gather` raises the first failure at once. What the other crews have made is lost, and they "
            "go on, and cost, although nobody will read their outputs. With `return_exceptions=True` each has a "
            "result of its own; `kickoff_for_each_async` gives outcomes. Where one failure is to end it all, say "
            "so: `# aiocrew: ignore[AIC501]`, or a TaskGroup, which ends the others."
        ),
        bad="""\
import asyncio

from aiocrew import Crew


async def research(crew: Crew, topics: list[str]) -> list[str]:
    outputs = await asyncio.gather(*[crew.kickoff_async({"topic": topic}) for topic in topics])
    return [output.raw for output in outputs]
""",
        good="""\
from aiocrew import Crew


async def research(crew: Crew, topics: list[str]) -> list[str]:
    outcomes = await crew.kickoff_for_each_async([{"topic": topic} for topic in topics])
    return [outcome.raw for outcome in outcomes if outcome.ok]
""",
    ),
)
