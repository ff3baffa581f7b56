"""The streams of flows: their events, and chunks as CrewAI gives them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aiocrew.crew.crew import Crew
from aiocrew.errors import BlueprintError
from aiocrew.flow import Flow, listen, start
from aiocrew.flow.streaming import FlowStreamingOutput
from aiocrew.types.events import (
    CrewKickoffStarted,
    FlowFinished,
    FlowStarted,
    LLMStreamChunk,
    MethodExecutionFinished,
)
from tests.crew.scenes import agent_with, one_task_crew, task_for
from tests.doubles import ScriptedModel, prompt


def words() -> ScriptedModel:
    return ScriptedModel(by=lambda request: f"on {prompt(request).split()[4]}", streams=True)


class Reading(Flow):
    """A crew in a thread, and one on the loop after it."""

    @start()
    def read(self) -> str:
        return one_task_crew(words()).kickoff({"topic": "tea"}).raw

    @listen(read)
    async def write(self, found: str) -> str:
        return (await one_task_crew(words()).kickoff_async({"topic": "tin"})).raw + f", {found}"


class Streaming(Reading):
    stream = True


async def test_a_flows_stream_has_its_methods_and_the_crews_inside() -> None:
    stream = Reading().stream()
    events = [event async for event in stream]
    assert isinstance(events[0], FlowStarted)
    assert isinstance(events[-1], FlowFinished)
    assert [event.method for event in events if isinstance(event, MethodExecutionFinished)] == ["read", "write"]
    assert [event.outer for event in events if isinstance(event, CrewKickoffStarted)] == [events[0].run_id] * 2
    assert "".join(event.text for event in events if isinstance(event, LLMStreamChunk)) == "on teaon tin"
    assert stream.output == "on tin, on tea"


@pytest.mark.parametrize("flow", [Streaming, lambda: Reading(stream=True)], ids=["class", "argument"])
def test_a_flow_may_stream_by_its_class_or_by_an_argument(flow: Any) -> None:
    flow = flow()
    assert flow.stream
    streaming = flow.kickoff()
    assert isinstance(streaming, FlowStreamingOutput)
    chunks = list(streaming)
    assert [(chunk.content, chunk.agent_role) for chunk in chunks] == [
        ("on ", "Analyst"),
        ("tea", "Analyst"),
        ("on ", "Analyst"),
        ("tin", "Analyst"),
    ]
    assert streaming.result == "on tin, on tea"
    assert flow.usage_metrics.successful_requests == 2


async def test_the_asynchronous_doors_stream_as_well() -> None:
    streaming = await Streaming().kickoff_async()
    assert "".join([chunk.content async for chunk in streaming]) == "on teaon tin"
    assert streaming.result == "on tin, on tea"
    async with Reading().astream() as chunks:
        assert "".join([chunk.content async for chunk in chunks]) == "on teaon tin"


async def test_the_setting_is_one_flows_own_and_the_door_stays() -> None:
    flow, other = Reading(), Reading(stream=False)
    flow.stream = True  # type: ignore[assignment]
    assert (bool(flow.stream), bool(other.stream), bool(Streaming().stream)) == (True, False, True)
    assert await other.kickoff_async() == "on tin, on tea"
    assert isinstance([event async for event in Streaming().stream()][-1], FlowFinished)


async def test_leaving_a_stream_ends_every_method() -> None:
    begun, ended = asyncio.Event(), []

    class Waiting(Flow):
        @start()
        async def wait(self) -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("wait")

    async with Waiting().stream() as events:
        async for _ in events:
            await begun.wait()
            break
    assert ended == ["wait"]
    assert len(asyncio.all_tasks()) == 1


async def test_what_a_method_raises_is_raised_at_the_end() -> None:
    class Failing(Flow):
        @start()
        def fail(self) -> None:
            raise KeyError("no")

    stream = Failing().stream()

    async def read() -> None:
        async for _ in stream:
            pass

    with pytest.raises(KeyError, match="no"):
        await read()
    with pytest.raises(BlueprintError, match="must be a dict"):
        Failing().stream("tea")  # type: ignore[arg-type]
    streaming = await Failing(stream=True).kickoff_async()
    with pytest.raises(KeyError, match="no"):
        [chunk async for chunk in streaming]
    with pytest.raises(KeyError, match="no"):
        _ = streaming.result


async def test_a_flow_tells_what_its_agents_and_models_used() -> None:
    class Two(Flow):
        @start()
        async def one(self) -> None:
            agents = [agent_with(words()), agent_with(words(), role="Writer")]
            await Crew(agents=agents, tasks=[task_for(agent) for agent in [*agents, agents[1]]]).kickoff_async()

        @listen(one)
        def two(self) -> None:
            one_task_crew(words()).kickoff()

    flow = Two()
    assert (flow.usage_by_agent, flow.usage_by_model, flow.usage_cost_usd) == ({}, {}, 0.0)
    await flow.kickoff_async()
    assert {role: spent.calls for role, spent in flow.usage_by_agent.items()} == {"Analyst": 2, "Writer": 2}
    assert flow.usage_by_model["ScriptedModel"].token_usage == flow.usage_metrics
    assert flow.usage_cost_usd is None


async def test_a_method_may_read_streams_of_its_own() -> None:
    read: dict[str, list[str]] = {}

    class Reads(Flow):
        @start()
        async def events(self) -> None:
            stream = one_task_crew(words()).stream({"topic": "tea"})
            read["events"] = [event.text async for event in stream if isinstance(event, LLMStreamChunk)]

        @start()
        async def chunks(self) -> None:
            streaming: Any = await one_task_crew(words(), stream=True).kickoff_async({"topic": "tea"})
            read["chunks"] = [chunk.content async for chunk in streaming]

        @start()
        def plain(self) -> None:
            streaming: Any = one_task_crew(words(), stream=True).kickoff({"topic": "tea"})
            read["plain"] = [chunk.content for chunk in streaming]

    outer = [event async for event in Reads().stream()]
    assert read == {"events": ["on ", "tea"], "chunks": ["on ", "tea"], "plain": ["on ", "tea"]}
    assert sum(isinstance(event, LLMStreamChunk) for event in outer) == 6
    begun = [event for event in outer if isinstance(event, CrewKickoffStarted)]
    assert {event.outer for event in begun} == {outer[0].run_id}
    assert len({event.path for event in begun}) == 3
