"""Synchronous tools and callbacks that kick off crews: the inner runs live on the outer run's loop, and end with it."""

from __future__ import annotations

import asyncio
import random
import threading
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from aiocrew.admission.budget import Budget
from aiocrew.aio.runtime import local_runtime
from aiocrew.crew.crew import Crew
from aiocrew.errors import BudgetExceededError, DeadlineExceededError, TaskError
from aiocrew.models.llm import LLM
from aiocrew.net.closing import aclose
from aiocrew.tools.decorator import tool
from aiocrew.types.context import RunOptions, active_runtime, here
from aiocrew.types.events import ThreadAbandoned
from aiocrew.types.messages import Reply, Request, ToolResult
from aiocrew.types.terms import Terms
from tests.crew.scenes import agent_with, meeting, one_task_crew, task_for
from tests.doubles import ScriptedModel, calls, on_virtual_time, prompt
from tests.net.loopback import completion, serving


class Listening:
    """A model that keeps the loops and the terms that it was asked on, and whether it was cancelled."""

    def __init__(self, answer: Callable[[Request], str], wait: bool = False) -> None:
        self._answer = answer
        self._wait = wait
        self.loops: list[asyncio.AbstractEventLoop] = []
        self.terms: list[Terms] = []
        self.asked = asyncio.Event()
        self.cancelled = 0

    async def reply(self, request: Request) -> Reply:
        self.loops.append(asyncio.get_running_loop())
        at = here.get()
        assert at is not None
        self.terms.append(at.run.terms)
        self.asked.set()
        try:
            await (asyncio.Event().wait() if self._wait else asyncio.sleep(0.001))
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return Reply(self._answer(request))


def topic_of(request: Request) -> str:
    return prompt(request).split("Work on ")[1].split()[0]


def crew_with_tool(act: Callable[[str], Any]) -> Crew:
    """Return a crew whose one tool is `act`; its answer is what the tool gave."""

    def by(request: Request) -> Any:
        last = request.messages[-1]
        return last.text if isinstance(last, ToolResult) else calls(("delegate", {"topic": topic_of(request)}))

    @tool("delegate")
    def delegate(topic: str) -> str:
        """Have another crew work."""
        return str(act(topic))

    agent = agent_with(ScriptedModel(by=by), tools=[delegate])
    return Crew(agents=[agent], tasks=[task_for(agent)])


@pytest.fixture(autouse=True)
def _no_door_warns() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


async def test_a_hundred_tools_kick_off_a_hundred_crews_on_one_loop() -> None:
    model = Listening(lambda request: f"found {topic_of(request)}")
    inner = one_task_crew(model)
    outer = crew_with_tool(lambda topic: inner.kickoff({"topic": topic}).raw)
    outputs = await asyncio.gather(*[outer.kickoff_async({"topic": f"t{number}"}) for number in range(100)])
    assert [output.raw for output in outputs] == [f"found t{number}" for number in range(100)]
    assert len(model.loops) == 100
    assert set(model.loops) == {asyncio.get_running_loop()}


async def test_crews_within_crews_within_crews_stay_on_the_loop() -> None:
    model = Listening(lambda request: topic_of(request) + "!")
    crew = one_task_crew(model)
    for _ in range(5):
        crew = crew_with_tool(lambda topic, within=crew: within.kickoff({"topic": topic}).raw)
    assert (await crew.kickoff_async({"topic": "deep"})).raw == "deep!"
    assert model.loops == [asyncio.get_running_loop()]


async def test_many_inputs_from_a_tool_run_side_by_side_on_the_loop() -> None:
    model = meeting(20, topic_of)
    inner = one_task_crew(model)

    def for_each(topic: str) -> str:
        return " ".join(output.raw for output in inner.kickoff_for_each([{"topic": f"{topic}{n}"} for n in range(20)]))

    output = await crew_with_tool(for_each).kickoff_async({"topic": "x"})
    assert output.raw == " ".join(f"x{n}" for n in range(20))
    assert model.peak == 20


async def test_a_callback_may_kick_off_a_crew() -> None:
    model = Listening(lambda _: "checked")
    inner, heard = one_task_crew(model, "Work on it"), []
    agent = agent_with(ScriptedModel("answer"))
    task = task_for(agent, callback=lambda output: heard.append(inner.kickoff().raw))
    await Crew(agents=[agent], tasks=[task]).kickoff_async({"topic": "x"})
    assert heard == ["checked"]
    assert model.loops == [asyncio.get_running_loop()]


async def test_calls_from_threads_share_the_connections_of_the_loop() -> None:
    async with serving(completion("said")) as provider:
        llm = LLM("openai/m", base_url=f"http://127.0.0.1:{provider.port}/v1", api_key="k")

        def ask_thrice(topic: str) -> str:
            return "".join(str(llm.call(topic)) for _ in range(3))

        assert (await crew_with_tool(ask_thrice).kickoff_async({"topic": "x"})).raw == "saidsaidsaid"
        assert (len(provider.requests), provider.connections) == (3, 1)
        await aclose()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take its time to end a thread."""
    monkeypatch.setattr("aiocrew.aio.pool._UNWINDING_S", 20)


async def cancelled_while_the_model_is_asked(crew: Crew, model: Listening) -> list[ThreadAbandoned]:
    class Reader:
        def __init__(self) -> None:
            self.abandoned: list[ThreadAbandoned] = []

        def emit(self, event: Any) -> None:
            if isinstance(event, ThreadAbandoned):
                self.abandoned.append(event)

    reader = Reader()
    active_runtime.set(replace(local_runtime(), sinks=(reader,)))
    run = asyncio.create_task(crew.kickoff_async({"topic": "x"}))
    await model.asked.wait()
    run.cancel()
    await asyncio.wait([run])
    assert run.cancelled()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return reader.abandoned


@pytest.mark.usefixtures("patient")
async def test_cancelling_the_outer_run_ends_the_inner_ones_calls() -> None:
    model = Listening(lambda _: "never", wait=True)
    inner = one_task_crew(model)
    outer = crew_with_tool(lambda topic: inner.kickoff({"topic": topic}).raw)
    outermost = crew_with_tool(lambda topic: outer.kickoff({"topic": topic}).raw)
    assert await cancelled_while_the_model_is_asked(outermost, model) == []
    assert model.cancelled == 1


@pytest.mark.usefixtures("patient")
async def test_a_tool_that_tries_again_is_ended_all_the_same() -> None:
    model = Listening(lambda _: "never", wait=True)
    inner = one_task_crew(model)

    def stubborn(topic: str) -> str:
        for _ in range(1_000):
            try:
                return inner.kickoff({"topic": topic}).raw
            except Exception:
                continue
        return "gave up"

    assert await cancelled_while_the_model_is_asked(crew_with_tool(stubborn), model) == []
    assert (len(model.loops), model.cancelled) == (1, 1)


async def test_a_thread_that_was_left_behind_kicks_off_nothing_any_more() -> None:
    model, release, tried = Listening(lambda _: "never"), threading.Event(), threading.Event()
    inner = one_task_crew(model)
    working = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(topic: str) -> str:
        loop.call_soon_threadsafe(working.set)
        release.wait(20)
        try:
            return inner.kickoff({"topic": topic}).raw
        finally:
            tried.set()

    run = asyncio.create_task(crew_with_tool(slow).kickoff_async({"topic": "x"}))
    await working.wait()
    run.cancel()
    await asyncio.wait([run])
    release.set()
    assert await asyncio.to_thread(tried.wait, 20)
    assert model.loops == []


def test_an_inner_tool_that_will_not_end_is_closed_within_the_grace_of_the_outer_run() -> None:
    async def main() -> float:
        began = asyncio.Event()

        @tool("work")
        async def work() -> str:
            """Work, whatever comes."""
            began.set()
            while True:
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(3600)

        agent = agent_with(ScriptedModel(calls(("work", {}))), tools=[work])
        inner = Crew(agents=[agent], tasks=[task_for(agent)])
        outer = crew_with_tool(lambda topic: inner.kickoff({"topic": topic}).raw)
        run = asyncio.create_task(outer.kickoff_async({"topic": "x"}, options=RunOptions(grace_s=2)))
        await began.wait()
        run.cancel()
        await asyncio.wait([run])
        assert run.cancelled()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return asyncio.get_running_loop().time()

    assert on_virtual_time(main) < 2.5


async def test_the_outer_deadline_holds_for_what_a_tool_kicked_off() -> None:
    model = Listening(lambda _: "never", wait=True)
    inner = one_task_crew(model)
    outer = crew_with_tool(lambda topic: inner.kickoff({"topic": topic}).raw)
    with pytest.raises(DeadlineExceededError):
        await outer.kickoff_async({"topic": "x"}, options=RunOptions(deadline_s=0.1))
    assert model.cancelled == len(model.loops)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_the_inner_run_has_the_tenant_and_the_priority_and_spends_the_budget_of_the_outer_one() -> None:
    model = Listening(lambda _: "found")
    inner = one_task_crew(model)
    outer = crew_with_tool(lambda topic: inner.kickoff({"topic": topic}).raw)
    budget = Budget(requests=3)
    await outer.kickoff_async({"topic": "x"}, options=RunOptions(budget=budget, tenant="acme", priority=3))
    assert model.terms[0].flow == ("acme", 3)
    assert model.terms[0].purses == (budget,)
    with pytest.raises(BudgetExceededError):
        await one_task_crew(ScriptedModel("none")).kickoff_async({"topic": "x"}, options=RunOptions(budget=budget))


async def test_what_fails_an_inner_run_comes_out_of_kickoff_as_it_was_raised() -> None:
    def fails(request: Request) -> str:
        raise LookupError("no such thing")

    inner = one_task_crew(Listening(fails))
    caught: list[TaskError] = []

    def act(topic: str) -> str:
        try:
            return inner.kickoff({"topic": topic}).raw
        except TaskError as error:
            caught.append(error)
            raise

    output = await crew_with_tool(act).kickoff_async({"topic": "x"})
    assert "no such thing" in output.raw
    cause = caught[0].__cause__
    assert isinstance(cause, LookupError)
    assert "fails" in [frame.name for frame in traceback.extract_tb(cause.__traceback__)]
    assert "act" in [frame.name for frame in traceback.extract_tb(caught[0].__traceback__)]


def test_a_kickoff_from_plain_code_ends_in_one_loop_as_well() -> None:
    model = Listening(lambda _: "found")
    inner = one_task_crew(model)
    outer = crew_with_tool(lambda topic: inner.kickoff({"topic": topic}).raw + inner.kickoff({"topic": topic}).raw)
    assert outer.kickoff({"topic": "x"}).raw == "foundfound"
    assert (len(model.loops), len(set(model.loops))) == (2, 1)


async def test_a_cancelled_batch_ends_whatever_its_tools_have_kicked_off() -> None:
    model = ScriptedModel(by=lambda _: "never", delay_s=3600)
    inner = one_task_crew(model)
    outer = crew_with_tool(lambda topic: inner.kickoff({"topic": topic}).raw)
    batch = asyncio.create_task(outer.kickoff_for_each_async([{"topic": f"t{number}"} for number in range(50)]))
    await model.reached(50)
    batch.cancel()
    await asyncio.wait([batch])
    assert (batch.cancelled(), model.in_flight) == (True, 0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_is_cancelled_when_no_run_hangs_and_none_is_left(seed: int) -> None:
    chance = random.Random(seed)
    model = Listening(lambda request: topic_of(request) if chance.random() < 0.8 else 1 // 0)
    crew = one_task_crew(model)
    for _ in range(2):
        crew = crew_with_tool(lambda topic, within=crew: within.kickoff({"topic": topic}).raw)
    runs = [asyncio.create_task(crew.kickoff_async({"topic": f"t{number}"})) for number in range(40)]
    while not all(run.done() for run in runs):
        await asyncio.sleep(0.002)
        if chance.random() < 0.5:
            chance.choice(runs).cancel()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    answers = {number: run.result().raw for number, run in enumerate(runs) if not run.cancelled()}
    assert {number: raw for number, raw in answers.items() if "failed" not in raw and raw != f"t{number}"} == {}
    assert set(model.loops) <= {asyncio.get_running_loop()}
