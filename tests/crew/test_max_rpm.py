"""Crew(max_rpm=) and Agent(max_rpm=): so many requests a minute, however many runs there are."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from aiocrew.agent.agent import Agent
from aiocrew.crew.crew import Crew
from aiocrew.models.llm import LLM
from aiocrew.models.resolved import ResolvedModel
from aiocrew.net.closing import aclose
from aiocrew.tools.decorator import tool
from aiocrew.types.messages import Reply, Request, ToolResult
from aiocrew.types.usage import Usage
from tests.admission.simulation import SkippingLoop
from tests.crew.scenes import agent_with, task_for
from tests.doubles import calls, on_virtual_time
from tests.net.loopback import Provider, Seen, completion, http, serving


class Clocked:
    """A model that writes down when it is asked."""

    def __init__(self, *, delay_s: float = 0.0, uses_tool: bool = False) -> None:
        self.asked_s: list[float] = []
        self._delay_s, self._uses_tool = delay_s, uses_tool

    async def reply(self, request: Request) -> Reply:
        self.asked_s.append(round(asyncio.get_running_loop().time(), 3))
        await asyncio.sleep(self._delay_s)
        if self._uses_tool and not isinstance(request.messages[-1], ToolResult):
            return calls(("look", {"at": "it"}))
        return Reply("done", usage=Usage(10, 5))


@tool
async def look(at: str) -> str:
    """Look."""
    return at


def crew_of(model: Clocked | Agent, **fields: Any) -> Crew:
    agent = model if isinstance(model, Agent) else agent_with(model)
    return Crew(agents=[agent], tasks=[task_for(agent)], **fields)


async def at_once(*crews: Crew) -> None:
    await asyncio.gather(*(crew.kickoff_async({"topic": "x"}) for crew in crews))


def test_six_runs_at_once_at_two_a_minute_call_in_pairs() -> None:
    model = Clocked()
    crew = crew_of(model, max_rpm=2)
    on_virtual_time(lambda: at_once(*[crew] * 6))
    assert model.asked_s == [0, 0, 60, 60, 120, 120]


def test_the_inputs_of_a_batch_share_it() -> None:
    model = Clocked()
    crew = crew_of(model, max_rpm=2)
    outcomes = on_virtual_time(lambda: crew.kickoff_for_each_async([{"topic": str(n)} for n in range(5)]))
    assert [outcome.raw for outcome in outcomes] == ["done"] * 5
    assert model.asked_s == [0, 0, 60, 60, 120]


def test_every_call_of_a_run_counts() -> None:
    model = Clocked(uses_tool=True)
    crew = crew_of(agent_with(model, tools=[look]), max_rpm=1)
    on_virtual_time(lambda: at_once(crew, crew))
    assert model.asked_s == [0, 60, 120, 180]


def test_an_agent_takes_its_own_number_into_every_crew() -> None:
    model = Clocked()
    agent = agent_with(model, max_rpm=1)
    on_virtual_time(lambda: at_once(crew_of(agent), crew_of(agent), crew_of(agent, max_rpm=10)))
    assert model.asked_s == [0, 60, 120]


def test_of_an_agents_number_and_its_crews_the_stricter_holds() -> None:
    strict, loose = Clocked(), Clocked()
    agents = [agent_with(strict, max_rpm=1), agent_with(loose, max_rpm=5)]
    tasks = [task_for(agent, async_execution=n < 2) for n, agent in enumerate([*agents, agents[1]])]
    crew = Crew(agents=agents, tasks=tasks, max_rpm=3)
    on_virtual_time(lambda: at_once(crew, crew))
    assert strict.asked_s == [0, 60]
    asked_s = sorted(strict.asked_s + loose.asked_s)
    assert all(late - early >= 60 for early, late in zip(asked_s, asked_s[3:], strict=False))
    assert len(asked_s) == 6


def test_crews_without_a_number_do_not_wait_for_one_that_has_one() -> None:
    model = Clocked()
    agent = agent_with(model)
    on_virtual_time(lambda: at_once(crew_of(agent, max_rpm=1), *[crew_of(agent)] * 5))
    assert model.asked_s == [0] * 6


def test_a_run_that_is_cancelled_while_it_waits_gives_its_place_back() -> None:
    model = Clocked()
    crew = crew_of(model, max_rpm=1)

    async def main() -> list[Any]:
        runs = [asyncio.ensure_future(crew.kickoff_async({"topic": str(n)})) for n in range(3)]
        await asyncio.sleep(30)
        runs[1].cancel()
        return await asyncio.gather(*runs, return_exceptions=True)

    ends = on_virtual_time(main)
    assert [isinstance(end, asyncio.CancelledError) for end in ends] == [False, True, False]
    assert model.asked_s == [0, 60]


def test_a_call_that_is_cancelled_in_flight_has_been_made() -> None:
    model = Clocked(delay_s=50)
    crew = crew_of(model, max_rpm=1)

    async def main() -> None:
        first = asyncio.ensure_future(crew.kickoff_async({"topic": "a"}))
        await asyncio.sleep(10)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await at_once(crew)

    on_virtual_time(main)
    assert model.asked_s == [0, 60]


def test_who_waits_holds_no_thread() -> None:
    model = Clocked()
    crew = crew_of(model, max_rpm=1)
    seen: list[int] = []

    async def main() -> None:
        before = threading.active_count()
        runs = [asyncio.ensure_future(crew.kickoff_async({"topic": str(n)})) for n in range(20)]
        for _ in range(10):
            await asyncio.sleep(60)
            seen.append(threading.active_count() - before)
        for run in runs:
            run.cancel()
        await asyncio.gather(*runs, return_exceptions=True)

    on_virtual_time(main)
    assert max(seen) <= 0


def test_every_attempt_counts() -> None:
    asked_s: list[float] = []

    async def fail_twice(provider: Provider, seen: Seen, writer: asyncio.StreamWriter) -> None:
        asked_s.append(asyncio.get_running_loop().time())
        writer.write(http(b"", "500 Internal Server Error") if len(asked_s) <= 2 else completion("done"))

    async def main() -> str:
        async with serving(fail_twice) as provider:
            llm = LLM("openai/m", base_url=f"http://127.0.0.1:{provider.port}/v1", api_key="k")
            agent = agent_with(llm, max_rpm=1)
            output = await Crew(agents=[agent], tasks=[task_for(agent)]).kickoff_async({"topic": "x"})
            await aclose()
            return output.raw

    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        assert runner.run(main()) == "done"
    assert [round(at_s / 60, 1) for at_s in asked_s] == [0, 1, 2]


def test_a_resolved_model_of_ones_own_is_bound_too() -> None:
    model = Clocked()

    class Own(LLM):
        def resolve(self) -> ResolvedModel:
            return ResolvedModel(model, "own", "auto", stream=False)

    crew = crew_of(agent_with(Own("own")), max_rpm=1)
    on_virtual_time(lambda: at_once(crew, crew))
    assert model.asked_s == [0, 60]
