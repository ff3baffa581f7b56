"""The metrics, with the units and buckets of the conventions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from aiocrew import Crew, tool
from aiocrew.errors import RateLimitError
from aiocrew.seeing.otel.reader import SpanReader
from aiocrew.types import events as told
from aiocrew.types.messages import Chunk, Reply, Request
from aiocrew.types.paths import ROOT, Path
from aiocrew.types.usage import Usage
from tests.crew.scenes import agent_with, one_task_crew, task_for
from tests.doubles import ScriptedModel, calls, on_virtual_time
from tests.seeing.otel.traces import Traces, virtually

CALL_S = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)


@tool
async def wait() -> str:
    """Wait."""
    await asyncio.sleep(2)
    return "waited"


def waiting() -> Crew:
    agent = agent_with(ScriptedModel(calls(("wait", {})), "Done", delay_s=1, streams=True), tools=[wait])
    return Crew(name="crew", agents=[agent], tasks=[task_for(agent, "Work")])


def summed(points: list[Any]) -> list[tuple[dict[str, Any], int, float]]:
    return [(dict(point.attributes), point.count, round(point.sum, 4)) for point in points]


CALLED = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "custom", "gen_ai.request.model": "ScriptedModel"}


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("gen_ai.client.operation.duration", [(CALLED, 2, 2.0)]),
        ("gen_ai.client.operation.time_to_first_chunk", [(CALLED, 1, 1.0)]),
        (
            "gen_ai.client.token.usage",
            [({**CALLED, "gen_ai.token.type": "input"}, 2, 20), ({**CALLED, "gen_ai.token.type": "output"}, 2, 10)],
        ),
        ("gen_ai.workflow.duration", [({"gen_ai.workflow.name": "crew"}, 1, 4.0)]),
        (
            "gen_ai.invoke_agent.duration",
            [({"gen_ai.agent.name": "Analyst", "gen_ai.request.model": "ScriptedModel"}, 1, 4.0)],
        ),
        ("gen_ai.invoke_agent.inference_calls", [({"gen_ai.agent.name": "Analyst"}, 1, 2)]),
        ("gen_ai.invoke_agent.tool_calls", [({"gen_ai.agent.name": "Analyst"}, 1, 1)]),
        (
            "gen_ai.execute_tool.duration",
            [
                (
                    {
                        "gen_ai.tool.name": "wait",
                        "gen_ai.tool.type": "function",
                        "gen_ai.agent.name": "Analyst",
                    },
                    1,
                    2.0,
                )
            ],
        ),
    ],
)
def test_a_run_is_measured(metric: str, expected: list[Any], traces: Traces) -> None:
    with traces.on():
        virtually(waiting().kickoff_async())
    found = sorted(summed(traces.points(metric)), key=lambda point: sorted(point[0].values()))
    assert found == sorted(expected, key=lambda point: sorted(point[0].values()))


def test_units_and_buckets_are_those_of_the_conventions(traces: Traces) -> None:
    with traces.on():
        virtually(waiting().kickoff_async())
    assert traces.units() == {
        "gen_ai.client.operation.duration": "s",
        "gen_ai.client.operation.time_to_first_chunk": "s",
        "gen_ai.client.token.usage": "{token}",
        "gen_ai.workflow.duration": "s",
        "gen_ai.invoke_agent.duration": "s",
        "gen_ai.invoke_agent.inference_calls": "{inference_call}",
        "gen_ai.invoke_agent.tool_calls": "{tool_call}",
        "gen_ai.execute_tool.duration": "s",
    }
    bounds = {metric: tuple(traces.points(metric)[0].explicit_bounds) for metric in traces.units()}
    assert bounds["gen_ai.client.operation.duration"] == CALL_S
    assert bounds["gen_ai.client.operation.time_to_first_chunk"] == CALL_S
    assert bounds["gen_ai.execute_tool.duration"] == CALL_S
    assert bounds["gen_ai.workflow.duration"] == (1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200)
    assert bounds["gen_ai.invoke_agent.duration"] == tuple(round(0.1 * 2**power, 1) for power in range(13))
    assert bounds["gen_ai.client.token.usage"] == tuple(4**power for power in range(14))
    assert bounds["gen_ai.invoke_agent.tool_calls"] == (1, 2, 4, 8, 16, 32, 64, 128)


class InPieces:
    """A model that streams: a piece a second, and three."""

    streams = True

    async def reply(self, request: Request) -> Reply:
        raise NotImplementedError

    async def stream(self, request: Request) -> AsyncIterator[Chunk | Reply]:
        for piece in ("a", "b", "c"):
            await asyncio.sleep(1)
            yield Chunk(piece)
        yield Reply("abc", model="pieces-1")


def test_a_stream_is_measured_from_piece_to_piece(traces: Traces) -> None:
    with traces.on(chunks=True):
        virtually(one_task_crew(InPieces()).kickoff_async({"topic": "tea"}))
    called = {**CALLED, "gen_ai.request.model": "InPieces"}
    between = traces.points("gen_ai.client.operation.time_per_output_chunk")
    assert summed(between) == [(called, 2, 2.0)]
    assert tuple(between[0].explicit_bounds) == CALL_S
    assert traces.units()["gen_ai.client.operation.time_per_output_chunk"] == "s"
    first = traces.points("gen_ai.client.operation.time_to_first_chunk")
    assert summed(first) == [({**called, "gen_ai.response.model": "pieces-1"}, 1, 1.0)]


def test_pieces_are_measured_only_where_asked_for(traces: Traces) -> None:
    with traces.on():
        virtually(one_task_crew(InPieces()).kickoff_async({"topic": "tea"}))
    assert traces.points("gen_ai.client.operation.time_per_output_chunk") == []


def test_a_stream_that_begins_anew_is_measured_by_the_attempt_that_holds(traces: Traces) -> None:
    reader = SpanReader(traces.tracer_provider, traces.meter_provider, content=False, chunks=True)
    path = Path("run/task-0/turn-0/model")

    def tell(kind: Any, at_s: float, *details: Any) -> None:
        reader.emit(kind("r", path, at_s, 100 + at_s, *details))

    reader.emit(told.CrewKickoffStarted("r", ROOT, 0, 100.0, "crew", None))
    tell(told.LLMCallStarted, 0, "openai/m", "Analyst", Request(()))
    for attempt, sent_s in ((1, 1), (2, 10)):
        tell(told.LLMCallSent, sent_s, attempt)
        tell(told.LLMFirstToken, sent_s + attempt)
        tell(told.LLMStreamChunk, sent_s + attempt, "a")
        tell(told.LLMStreamChunk, sent_s + attempt + 0.5, "b")
    tell(told.LLMCallCompleted, 20, "openai/m", "Analyst", "ab", (), Usage(), "stop")
    reader.emit(told.CrewKickoffCompleted("r", ROOT, 21, 121.0, "crew", "ab"))
    assert traces.named("chat m").attributes["gen_ai.response.time_to_first_chunk"] == 2
    (first,) = traces.points("gen_ai.client.operation.time_to_first_chunk")
    (between,) = traces.points("gen_ai.client.operation.time_per_output_chunk")
    assert ((first.count, first.sum), (between.count, between.sum)) == ((1, 2), (2, 1.0))


def test_a_piece_of_a_void_attempt_is_not_the_first_piece_of_a_reply_without_pieces(traces: Traces) -> None:
    reader = SpanReader(traces.tracer_provider, traces.meter_provider, content=False)
    path = Path("run/task-0/turn-0/model")
    for event in (
        told.CrewKickoffStarted("r", ROOT, 0, 100.0, "crew", None),
        told.LLMCallStarted("r", path, 0, 100.0, "openai/m", "Analyst", Request(())),
        told.LLMCallSent("r", path, 0, 100.0, 1),
        told.LLMFirstToken("r", path, 1, 101.0),
        told.LLMCallRetried("r", path, 2, 102.0, "openai/m", 1, 0.5, "gone"),
        told.LLMCallSent("r", path, 3, 103.0, 2),
        told.LLMCallCompleted("r", path, 4, 104.0, "openai/m", "Analyst", "", (), Usage(), "tool_calls"),
        told.CrewKickoffCompleted("r", ROOT, 5, 105.0, "crew", "A"),
    ):
        reader.emit(event)
    assert traces.points("gen_ai.client.operation.time_to_first_chunk") == []
    assert "gen_ai.response.time_to_first_chunk" not in traces.named("chat m").attributes


def test_failures_are_measured_by_their_type(traces: Traces) -> None:
    error = RateLimitError("slow down", model="m", status=429)
    with traces.on(), pytest.raises(RateLimitError):
        virtually(one_task_crew(ScriptedModel(error), name="crew").kickoff_async({"topic": "tea"}))
    for metric in ("gen_ai.client.operation.duration", "gen_ai.invoke_agent.duration", "gen_ai.workflow.duration"):
        (point,) = traces.points(metric)
        assert point.attributes["error.type"] == "RateLimitError"
    assert traces.points("gen_ai.client.token.usage") == []


def test_a_tool_that_a_model_made_up_makes_no_series(traces: Traces) -> None:
    model = ScriptedModel(calls(("made_up_1", {}), ("made_up_2", {})), "Done")
    agent = agent_with(model, tools=[wait])
    with traces.on():
        virtually(Crew(agents=[agent], tasks=[task_for(agent, "Work")]).kickoff_async())
    assert traces.points("gen_ai.execute_tool.duration") == []
    assert traces.points("gen_ai.invoke_agent.tool_calls")[0].sum == 2


def test_metrics_are_the_same_where_no_span_is_recorded(traces: Traces) -> None:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

    from aiocrew.seeing.otel import instrument

    unsampled = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    with instrument(tracer_provider=unsampled, meter_provider=traces.meter_provider, content=True):
        on_virtual_time(waiting().kickoff_async)
    assert traces.points("gen_ai.workflow.duration")[0].sum == pytest.approx(4, abs=1e-4)
    assert traces.points("gen_ai.client.token.usage")[0].count == 2
