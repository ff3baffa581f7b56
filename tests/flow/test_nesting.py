"""Flows in tools of crews and crews in flows: paths, terms, and an end at any moment that leaves nothing alive."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aiocrew.admission.budget import Budget
from aiocrew.aio.runtime import local_runtime
from aiocrew.crew.crew import Crew
from aiocrew.errors import BudgetExceededError, DeadlineExceededError
from aiocrew.flow import Flow, and_, listen, or_, router, start
from aiocrew.tools import tool
from aiocrew.types.context import RunOptions, active_runtime, here
from aiocrew.types.events import (
    FlowFailed,
    FlowFinished,
    FlowStarted,
    MethodExecutionFailed,
    MethodExecutionFinished,
    MethodExecutionStarted,
)
from aiocrew.types.messages import Reply, Request
from tests.crew.scenes import agent_with, one_task_crew, task_for
from tests.doubles import ScriptedModel, calls, on_virtual_time


class Inside(ScriptedModel):
    """Notes where it is asked, and on whose behalf."""

    def __init__(self, delay_s: float = 0) -> None:
        super().__init__(by=lambda _: "text", delay_s=delay_s)
        self.asked: list[tuple[str, str | None]] = []

    async def reply(self, request: Request) -> Reply:
        now = here.get()
        assert now is not None
        self.asked.append((now.path, now.run.terms.flow[0]))
        return await super().reply(request)


class Reading(Flow):
    """A plain and an async method side by side, each with a crew, and then a flow of the same kind, once."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.crew = one_task_crew(model)

    @start()
    def read(self) -> str:
        return self.crew.kickoff({"topic": "reading"}).raw

    @start()
    async def look(self) -> str:
        return (await self.crew.kickoff_async({"topic": "looking"})).raw

    @listen(and_(read, look))
    async def again(self) -> str:
        if "inner" not in self.state:
            await self.kickoff_async({"inner": True})
        return "read"


def outer_crew(flow: Flow, *, plain: bool) -> Crew:
    """Return a crew whose one agent calls a tool twice at once, which carries out the flow."""

    def read_it() -> str:
        """Read it."""
        return flow.kickoff()

    async def read_it_async() -> str:
        """Read it."""
        return await flow.kickoff_async()

    body = tool("read_it")(read_it if plain else read_it_async)

    def reply(request: Request) -> Any:
        return "done" if len(request.messages) > 2 else calls(("read_it", {}), ("read_it", {}))

    agent = agent_with(ScriptedModel(by=reply), tools=[body])
    agent.tools[0].cache_function = lambda *_: False
    return Crew(agents=[agent], tasks=[task_for(agent)])


@pytest.mark.parametrize("plain", [True, False])
async def test_a_crew_in_a_flow_in_a_tool_in_a_journaled_batch_has_a_path_of_its_own(
    plain: bool, tmp_path: Path
) -> None:
    model = Inside()
    crew = outer_crew(Reading(model), plain=plain)
    budget = Budget(requests=100)
    options = RunOptions(tenant="acme", budget=budget)
    for _ in range(2):
        outcomes = await crew.kickoff_for_each_async(
            [{"topic": "a"}, {"topic": "b"}], journal=tmp_path / "batch.sqlite", options=options
        )
        assert [outcome.raw for outcome in outcomes] == ["done", "done"]
    within = [
        f"run/task-0/turn-0/tool-{number}/run-0/{rest}"
        for number in range(2)
        for flow in ("", "again-0/run-0/")
        for rest in (f"{flow}read-0/run-0/task-0/turn-0/model", f"{flow}look-0/run-0/task-0/turn-0/model")
    ]
    assert sorted(model.asked) == sorted((path, "acme") for path in within * 2), "once for each input, and not again"
    assert budget.spent.requests == 4 + len(model.asked)


async def test_the_budget_of_a_run_outside_ends_the_crews_in_the_flow_of_its_tool() -> None:
    model = Inside()
    with pytest.raises(BudgetExceededError):
        await outer_crew(Reading(model), plain=True).kickoff_async(
            {"topic": "a"}, options=RunOptions(budget=Budget(requests=4))
        )
    assert len(model.asked) <= 3


def test_the_deadline_of_a_run_outside_ends_the_crews_in_the_flow_of_its_tool() -> None:
    model = Inside(delay_s=10)
    crew = outer_crew(Reading(model), plain=False)

    async def main() -> None:
        with pytest.raises(DeadlineExceededError):
            await crew.kickoff_async({"topic": "a"}, options=RunOptions(deadline_s=5))
        assert asyncio.all_tasks() == {asyncio.current_task()}

    on_virtual_time(main)
    assert model.in_flight == 0


def test_a_hundred_flows_at_once_may_kick_crews_off_in_plain_methods() -> None:
    model = Inside()

    async def main() -> list[Any]:
        flow = Reading(model)
        return await asyncio.gather(*[flow.kickoff_async() for _ in range(100)])

    assert asyncio.run(main()) == ["read"] * 100
    assert len(model.asked) == 400


class Everything(Flow):
    """A cycle, listeners side by side, a crew and a flow inside: much to be cancelled in."""

    def __init__(self) -> None:
        super().__init__()
        self.crew = one_task_crew(ScriptedModel(by=lambda _: "text"))
        self.begun: list[str] = []
        self.ended: list[str] = []

    async def work(self, name: str) -> None:
        self.begun.append(name)
        try:
            await self.crew.kickoff_async({"topic": name})
        finally:
            self.ended.append(name)

    @start()
    async def one(self) -> None:
        await self.work("one")

    @start()
    async def two(self) -> None:
        await self.work("two")

    @listen(or_(and_(one, two), "again"))
    async def three(self) -> None:
        await self.work("three")
        if "inner" not in self.state:
            await self.kickoff_async({"inner": True})

    @router(three)
    async def judge(self) -> str:
        return "again" if self.begun.count("three") < 2 else "done"


class Ends:
    """Keeps what began and has not been told to have ended."""

    def __init__(self) -> None:
        self.open: list[str] = []

    def emit(self, event: Any) -> None:
        if isinstance(event, FlowStarted | MethodExecutionStarted):
            self.open.append(event.path)
        elif isinstance(event, FlowFinished | FlowFailed | MethodExecutionFinished | MethodExecutionFailed):
            self.open.remove(event.path)


async def cancelled_after(turns: int) -> bool:
    """Cancel a run after so many turns of the loop, look at what is left, and return whether it had ended before."""
    flow, ends = Everything(), Ends()
    token = active_runtime.set(replace(local_runtime(), sinks=(ends,)))
    run = asyncio.ensure_future(flow.kickoff_async())
    active_runtime.reset(token)
    for _ in range(turns):
        await asyncio.sleep(0)
    had_ended = run.done()
    run.cancel()
    await asyncio.wait([run])
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert ends.open == []
    assert run.cancelled() or had_ended
    if turns > 5:
        assert flow.begun, "what the run left is shown"
        assert sorted(flow.begun) == sorted(flow.ended)
    return had_ended


async def test_a_flow_that_is_cancelled_at_any_moment_leaves_nothing_alive_and_shows_what_it_left() -> None:
    turns = 0
    while not await cancelled_after(turns):
        turns += 1
    assert turns > 10
