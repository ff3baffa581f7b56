"""Whose turn it is where runs wait for a provider: what RunOptions(tenant=, priority=) say, through real crews."""

from __future__ import annotations

import asyncio
from typing import Any

from aiocrew.crew.crew import Crew
from aiocrew.models.llm import LLM
from aiocrew.net.exchange import Answer
from aiocrew.types.context import RunOptions
from aiocrew.types.limits import Limits
from tests.crew.scenes import agent_with, task_for
from tests.doubles import on_virtual_time

REPLY = b'{"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}], "usage": {}, "model": "m"}'


class OneAtATime:
    """Stands where the network begins: each call takes a second."""

    async def post(self, body: bytes, timeout_s: float, timed_out: Any) -> Answer:
        await asyncio.sleep(1)
        return Answer(200, {}, REPLY)


def crew_in_line() -> Crew:
    settings = {"base_url": "http://localhost:1/v1", "api_key": "k", "limits": Limits(max_in_flight=1)}
    llm = LLM("openai/in-line", **settings)
    llm.resolve().model._target = OneAtATime()  # type: ignore[attr-defined]
    agent = agent_with(llm)
    return Crew(agents=[agent], tasks=[task_for(agent)])


async def end_s(crew: Crew, runs: int, options: RunOptions) -> float:
    """Return when the last of so many runs has ended."""
    outcomes = await crew.kickoff_for_each_async([{"topic": str(number)} for number in range(runs)], options=options)
    assert not outcomes.failed
    return asyncio.get_running_loop().time()


def test_a_small_tenant_waits_at_most_twice_as_long_beside_one_with_ten_times_the_load() -> None:
    async def alone() -> float:
        return await end_s(crew_in_line(), 10, RunOptions(tenant="small"))

    async def beside() -> tuple[float, float]:
        crew = crew_in_line()
        small, large = RunOptions(tenant="small"), RunOptions(tenant="large")
        many = asyncio.ensure_future(end_s(crew, 100, large))
        await asyncio.sleep(0.5)  # the large one was there first
        few_s = await end_s(crew, 10, small)
        return few_s, await many

    few_s, many_s = on_virtual_time(beside)
    assert few_s - 0.5 <= 2 * on_virtual_time(alone) + 1  # the call that was under way when it came
    assert round(many_s) == 110


def test_each_step_of_priority_doubles_a_runs_share() -> None:
    async def main() -> tuple[float, float]:
        crew = crew_in_line()
        both = (RunOptions(priority=1), RunOptions())
        urgent_s, usual_s = await asyncio.gather(*(end_s(crew, 20, options) for options in both))
        return urgent_s, usual_s

    urgent_s, usual_s = on_virtual_time(main)
    assert 29 <= urgent_s <= 31
    assert round(usual_s) == 40
