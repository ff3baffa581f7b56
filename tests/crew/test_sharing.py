"""Sharing is safe: nothing crosses between runs."""

from __future__ import annotations

import asyncio
import os
import random

from aiocrew.crew.crew import Crew
from aiocrew.tools.decorator import tool
from aiocrew.types.messages import Reply, ToolResult
from aiocrew.types.usage import Usage
from tests.crew.scenes import agent_with, task_for
from tests.doubles import calls, prompt

SOAK = os.environ.get("AIOCREW_SOAK_SEEDS")


class Echo:
    """Answers with the mark in its prompt, after a random number of turns of the loop; uses a tool first."""

    def __init__(self, seed):
        self._chance = random.Random(seed)

    async def reply(self, request):
        for _ in range(self._chance.randrange(4)):
            await asyncio.sleep(0)
        mark = prompt(request).partition("mark<")[2].partition(">")[0]
        if not isinstance(request.messages[-1], ToolResult):
            return Reply("", calls(("repeat", {"text": mark})).calls, Usage(int(mark), 1))
        assert request.messages[-1].text == mark
        return Reply(f"answer<{mark}>", usage=Usage(int(mark), 1))


@tool
async def repeat(text: str) -> str:
    """Give the text back."""
    await asyncio.sleep(0)
    return text


def check(number, output, heard):
    assert output.raw == f"answer<{number}>"
    assert output.token_usage.prompt_tokens == 4 * number
    assert output.token_usage.successful_requests == 4
    assert [raw for mark, raw in heard if mark == number] == [f"answer<{number}>"] * 2


async def one_agent_in_many_crews(seed, number):
    agent = agent_with(Echo(seed), tools=[repeat], role="Agent {mark}")
    heard = []

    def crew(mark):
        def callback(output):
            heard.append((mark, output.raw))

        async def callback_async(output):
            callback(output)

        tasks = [task_for(agent, f"Say mark<{mark}> {n}", callback=callback_async) for n in range(2)]
        return Crew(agents=[agent], tasks=tasks)

    outputs = await asyncio.gather(*[crew(mark).kickoff_async({"mark": mark}) for mark in range(number)])
    for mark, output in enumerate(outputs):
        check(mark, output, heard)
        assert output.tasks_output[0].agent == f"Agent {mark}"


async def one_crew_many_times(seed, number):
    agent = agent_with(Echo(seed), tools=[repeat])
    heard = []

    async def callback(output):
        heard.append((int(output.description.partition("<")[2].partition(">")[0]), output.raw))

    crew = Crew(agents=[agent], tasks=[task_for(agent, "Say mark<{m}>"), task_for(agent, "Again mark<{m}>")])
    crew.task_callback = callback
    outputs = await asyncio.gather(*[crew.kickoff_async({"m": mark}) for mark in range(number)])
    for mark, output in enumerate(outputs):
        check(mark, output, heard)
    assert agent.role == "Analyst"
    assert crew.tasks[0].description == "Say mark<{m}>"


# How many seeds run at full size; AIOCREW_SOAK_SEEDS=1000 takes half a minute.
FULL = range(int(SOAK or 100))


def test_one_agent_in_fifty_crews():
    for seed in FULL:
        asyncio.run(one_agent_in_many_crews(seed, 50))


def test_one_crew_a_hundred_times_at_once():
    for seed in FULL:
        asyncio.run(one_crew_many_times(seed, 100))


def test_nothing_crosses_over_a_thousand_seeds():
    for seed in range(1_000):
        asyncio.run(one_agent_in_many_crews(seed, 4) if seed % 2 else one_crew_many_times(seed, 4))
