"""What spans a run has, and what they say."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from aiocrew import Agent, Crew, Flow, Process, Task, tool
from aiocrew.errors import OverloadedError, RateLimitError
from aiocrew.flow import listen, start
from aiocrew.seeing.recorder import recording
from aiocrew.testing import FunctionModel
from aiocrew.types.events import Event
from aiocrew.types.messages import Reply, Request
from aiocrew.types.usage import Usage
from tests.crew.scenes import agent_with, one_task_crew, task_for
from tests.doubles import ScriptedModel, calls, on_virtual_time, prompt
from tests.seeing.otel.traces import Traces, virtually


@tool
def look_up(query: str) -> str:
    """Look it up."""
    return f"found {query}"


def researching(**fields: Any) -> Crew:
    """A crew whose agent asks a tool, and then answers."""
    replies = [
        Reply("", calls(("look_up", {"query": "tea"})).calls, Usage(10, 5), "tool_calls", model="scripted-1"),
        Reply("Tea is a drink", (), Usage(20, 7, 4, 3, 2), model="scripted-1"),
    ]
    agent = agent_with(ScriptedModel(*replies, delay_s=0.25), tools=[look_up])
    return Crew(name="research", agents=[agent], tasks=[task_for(agent, name="find out")], **fields)


def said(span: Any) -> dict[str, Any]:
    """Return a span's attributes without those that every span has."""
    return {name: value for name, value in span.attributes.items() if name not in {"aiocrew.run.id", "aiocrew.path"}}


def test_a_run_is_a_workflow_of_agents_that_chat_and_execute_tools(traces: Traces) -> None:
    with traces.on():
        virtually(researching().kickoff_async({"topic": "tea"}))
    assert traces.tree() == [
        "invoke_workflow research",
        "  invoke_agent Analyst",
        "    chat ScriptedModel",
        "    execute_tool look_up",
        "    chat ScriptedModel",
    ]


def test_spans_say_exactly_what_the_conventions_name(traces: Traces) -> None:
    with traces.on():
        virtually(researching().kickoff_async({"topic": "tea"}))
    assert said(traces.named("invoke_workflow research")) == {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": "research",
        "aiocrew.workflow.kind": "crew",
    }
    assert said(traces.named("invoke_agent Analyst")) == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "Analyst",
        "gen_ai.provider.name": "custom",
        "gen_ai.request.model": "ScriptedModel",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 30,
        "gen_ai.usage.output_tokens": 12,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.cache_creation.input_tokens": 3,
        "gen_ai.usage.reasoning.output_tokens": 2,
    }
    assert said(traces.named("execute_tool look_up")) == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "look_up",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": "c0",
        "gen_ai.agent.name": "Analyst",
    }
    first, last = (span for span in traces.spans if span.name == "chat ScriptedModel")
    assert said(first) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "custom",
        "gen_ai.request.model": "ScriptedModel",
        "gen_ai.response.model": "scripted-1",
        "gen_ai.response.finish_reasons": ("tool_calls",),
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "aiocrew.attempts": 1,
    }
    assert said(last) == {
        **said(first),
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 20,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.cache_creation.input_tokens": 3,
        "gen_ai.usage.reasoning.output_tokens": 2,
    }


def test_every_span_names_its_run_and_its_place_in_it(traces: Traces) -> None:
    async def main() -> list[Event]:
        with recording() as events:
            await researching().kickoff_async({"topic": "tea"})
        return events

    with traces.on():
        events = on_virtual_time(main)
    assert {span.attributes["aiocrew.run.id"] for span in traces.spans} == {events[0].run_id}
    assert [span.attributes["aiocrew.path"] for span in traces.spans] == [
        "run/task-0/turn-0/model",
        "run/task-0/turn-0/tool-0",
        "run/task-0/turn-1/model",
        "run/task-0",
        "run",
    ]


def test_model_calls_are_a_clients_and_all_else_is_internal(traces: Traces) -> None:
    with traces.on():
        virtually(researching().kickoff_async({"topic": "tea"}))
    kinds = {span.name.split()[0]: span.kind for span in traces.spans}
    assert kinds == {
        "chat": SpanKind.CLIENT,
        "execute_tool": SpanKind.INTERNAL,
        "invoke_agent": SpanKind.INTERNAL,
        "invoke_workflow": SpanKind.INTERNAL,
    }
    assert {span.status.status_code for span in traces.spans} == {StatusCode.UNSET}


def test_spans_last_as_long_as_the_events_say(traces: Traces) -> None:
    async def main() -> list[Event]:
        with recording() as events:
            await researching().kickoff_async({"topic": "tea"})
        return events

    with traces.on():
        events = on_virtual_time(main)
    run = traces.named("invoke_workflow research")
    assert (run.start_time, run.end_time) == (int(events[0].wall_s * 1e9), int(events[-1].wall_s * 1e9))
    chats = [span for span in traces.spans if span.name.startswith("chat")]
    assert [(span.end_time - span.start_time) / 1e9 for span in chats] == pytest.approx([0.25, 0.25], abs=1e-5)


def test_an_agent_that_is_kicked_off_by_itself_has_one_span(traces: Traces) -> None:
    async def main() -> None:
        await agent_with(ScriptedModel("Green tea")).kickoff_async("Which tea?")

    with traces.on():
        on_virtual_time(main)
    assert traces.tree() == ["invoke_agent Analyst", "  chat ScriptedModel"]
    assert traces.named("invoke_agent Analyst").attributes["gen_ai.usage.output_tokens"] == 5


def test_a_delegation_lies_below_the_tool_that_hands_it_on(traces: Traces) -> None:
    handing = calls(("delegate_work_to_coworker", {"coworker": "Writer", "task": "write", "context": "tea"}))
    boss = agent_with(ScriptedModel(handing, "Done"), allow_delegation=True)
    writer = agent_with(ScriptedModel("Written"), role="Writer")
    crew = Crew(name="pair", agents=[boss, writer], tasks=[task_for(boss)])
    with traces.on():
        virtually(crew.kickoff_async({"topic": "tea"}))
    assert traces.tree() == [
        "invoke_workflow pair",
        "  invoke_agent Analyst",
        "    chat ScriptedModel",
        "    execute_tool Delegate work to coworker",
        "      invoke_agent Writer",
        "        chat ScriptedModel",
        "    chat ScriptedModel",
    ]
    assert traces.named("execute_tool Delegate work to coworker").attributes["aiocrew.coworker"] == "Writer"
    assert traces.named("invoke_agent Analyst").attributes["gen_ai.usage.output_tokens"] == 10, "its own calls only"


def test_a_manager_has_its_workers_below_it(traces: Traces) -> None:
    handing = calls(("delegate_work_to_coworker", {"coworker": "Analyst", "task": "find out", "context": "tea"}))
    worker = agent_with(ScriptedModel("Found"))
    crew = Crew(
        name="office",
        agents=[worker],
        tasks=[Task(description="Work", expected_output="An answer")],
        process=Process.hierarchical,
        manager_agent=Agent(role="Boss", goal="g", backstory="b", llm=ScriptedModel(handing, "All done")),
    )
    with traces.on():
        virtually(crew.kickoff_async())
    assert traces.parent(traces.named("invoke_agent Analyst")) == "execute_tool Delegate work to coworker"
    assert traces.parent(traces.named("invoke_agent Boss")) == "invoke_workflow office"


def test_a_flow_is_a_workflow_whose_methods_hold_the_runs_that_they_start(traces: Traces) -> None:
    class Writing(Flow):
        @start()
        async def draft(self) -> str:
            return (await one_task_crew(ScriptedModel("Draft"), name="drafting").kickoff_async({"topic": "tea"})).raw

        @listen(draft)
        def polish(self, text: str) -> str:
            return one_task_crew(ScriptedModel("Polished"), name="polishing").kickoff({"topic": text}).raw

    with traces.on():
        virtually(Writing().kickoff_async())
    assert traces.tree() == [
        "invoke_workflow Writing",
        "  Writing.draft",
        "    invoke_workflow drafting",
        "      invoke_agent Analyst",
        "        chat ScriptedModel",
        "  Writing.polish",
        "    invoke_workflow polishing",
        "      invoke_agent Analyst",
        "        chat ScriptedModel",
    ]
    assert traces.named("invoke_workflow Writing").attributes["aiocrew.workflow.kind"] == "flow"


def test_a_task_without_a_span_of_its_own_is_found_by_the_path_of_its_agent(traces: Traces) -> None:
    agent = agent_with(ScriptedModel(by=prompt))
    crew = Crew(name="two", agents=[agent], tasks=[task_for(agent, "First"), task_for(agent, "Second")])
    with traces.on():
        virtually(crew.kickoff_async())
    paths = [span.attributes["aiocrew.path"] for span in traces.spans if span.name.startswith("invoke_agent")]
    assert paths == ["run/task-0", "run/task-1"]


def test_guardrails_and_callbacks_are_events_of_the_span_around_them(traces: Traces) -> None:
    async def slow(output: Any) -> None:
        await asyncio.sleep(2)

    verdicts = iter([(False, "too short"), (True, None)])
    agent = agent_with(ScriptedModel("No", "A longer answer"))
    task = task_for(agent, guardrail=lambda output: next(verdicts), callback=slow)
    with traces.on():
        virtually(Crew(name="guarded", agents=[agent], tasks=[task]).kickoff_async({"topic": "tea"}))
    judged = [event.attributes for event in traces.named("invoke_agent Analyst").events]
    assert [event["aiocrew.ok"] for event in judged] == [False, True]
    (called,) = traces.named("invoke_workflow guarded").events
    assert called.name == "aiocrew.callback"
    assert called.attributes["aiocrew.name"].endswith("slow")
    assert called.attributes["aiocrew.duration_s"] == pytest.approx(2)


def test_a_name_of_many_lines_becomes_one(traces: Traces) -> None:
    crew = Crew(agents=[agent := agent_with(ScriptedModel("A"), role="Senior\n Writer")], tasks=[task_for(agent)])
    with traces.on():
        virtually(crew.kickoff_async({"topic": "tea"}))
    assert traces.named("invoke_agent Senior Writer").attributes["gen_ai.agent.name"] == "Senior Writer"


def test_a_stream_says_when_its_first_piece_came(traces: Traces) -> None:
    model = ScriptedModel("Green tea", delay_s=0.5, streams=True)
    with traces.on():
        virtually(one_task_crew(model).kickoff_async({"topic": "tea"}))
    chat = traces.named("chat ScriptedModel").attributes
    assert chat["gen_ai.request.stream"] is True
    assert chat["gen_ai.response.time_to_first_chunk"] == pytest.approx(0.5, abs=1e-5)


def test_a_result_that_the_run_had_already_says_so(traces: Traces) -> None:
    asking = calls(("look_up", {"query": "tea"}))
    agent = agent_with(ScriptedModel(asking, "One", asking, "Two"), tools=[look_up])
    crew = Crew(agents=[agent], tasks=[task_for(agent, "First"), task_for(agent, "Second")], cache=True)
    with traces.on():
        virtually(crew.kickoff_async())
    tools = [span for span in traces.spans if span.name == "execute_tool look_up"]
    assert [span.attributes.get("aiocrew.tool.reused") for span in tools] == [None, True]
    assert traces.points("gen_ai.execute_tool.duration")[0].count == 1, "it ran once"


def test_no_run_is_traced_before_and_after(traces: Traces) -> None:
    crew = one_task_crew(ScriptedModel(by=prompt), name="crew")
    virtually(crew.kickoff_async({"topic": "before"}))
    with traces.on():
        virtually(crew.kickoff_async({"topic": "now"}))
    virtually(crew.kickoff_async({"topic": "after"}))
    assert traces.names() == {"invoke_workflow crew": 1, "invoke_agent Analyst": 1, "chat ScriptedModel": 1}


def test_only_the_runs_of_this_task_are_traced_where_asked_for(traces: Traces) -> None:
    async def other() -> None:
        await one_task_crew(ScriptedModel("A"), name="other").kickoff_async({"topic": "tea"})

    async def main() -> None:
        beside = asyncio.create_task(other())
        with traces.on(everywhere=False):
            await one_task_crew(ScriptedModel("A"), name="mine").kickoff_async({"topic": "tea"})
            await beside

    on_virtual_time(main)
    assert [name for name in traces.names() if name.startswith("invoke_workflow")] == ["invoke_workflow mine"]


def test_retries_and_waits_are_events_of_the_call(traces: Traces) -> None:
    from aiocrew.seeing.otel.reader import SpanReader
    from aiocrew.types import events as told
    from aiocrew.types.paths import Path

    reader = SpanReader(traces.tracer_provider, traces.meter_provider, content=False)
    path = Path("run/task-0/turn-0/model")
    request = Request(())
    for event in (
        told.CrewKickoffStarted("r", Path("run"), 0, 100.0, "crew", None),
        told.LLMCallStarted("r", path, 0, 100.0, "openai/gpt-4o-mini", "Analyst", request),
        told.LLMCallQueued("r", path, 1, 101.0, "10 requests a minute", 1),
        told.LLMCallSent("r", path, 3, 103.5, 1),
        told.LLMCallRetried("r", path, 4, 104.0, "m", 1, 0.5, "slow down", 429),
        told.LLMCallSent("r", path, 4, 104.5, 2),
        told.LLMCallCompleted("r", path, 5, 105.0, "openai/gpt-4o-mini", "Analyst", "A", (), Usage(1, 1), "stop", 0.5),
        told.CrewKickoffCompleted("r", Path("run"), 6, 106.0, "crew", "A"),
    ):
        reader.emit(event)
    chat = traces.named("chat gpt-4o-mini")
    noted = [(event.name, event.timestamp / 1e9, said(event)) for event in chat.events]
    assert noted == [
        ("aiocrew.queued", 101.0, {"aiocrew.limit": "10 requests a minute", "aiocrew.attempt": 1}),
        ("aiocrew.sent", 103.5, {"aiocrew.attempt": 1}),
        (
            "aiocrew.retried",
            104.0,
            {"aiocrew.attempt": 1, "aiocrew.delay_s": 0.5, "http.response.status_code": 429},
        ),
        ("aiocrew.sent", 104.5, {"aiocrew.attempt": 2}),
    ]
    assert (chat.attributes["aiocrew.attempts"], chat.attributes["aiocrew.waited_s"]) == (2, 2.5)
    assert chat.attributes["aiocrew.cost_usd"] == 0.5
    assert chat.attributes["gen_ai.provider.name"] == "openai"


def test_a_call_says_by_which_id_its_provider_knows_the_answer(traces: Traces) -> None:
    with traces.on():
        virtually(one_task_crew(ScriptedModel(Reply("A", id="chatcmpl-1\ud83d"))).kickoff_async({"topic": "tea"}))
        virtually(one_task_crew(FunctionModel(lambda request: Reply("A"))).kickoff_async({"topic": "tea"}))
    assert traces.named("chat ScriptedModel").attributes["gen_ai.response.id"] == "chatcmpl-1?"
    assert "gen_ai.response.id" not in traces.named("chat FunctionModel").attributes


@pytest.mark.parametrize(("error", "status"), [(OverloadedError("busy", status=503), 503), (ValueError("503"), None)])
def test_a_call_that_failed_says_the_status_of_the_answer(error: Exception, status: int | None, traces: Traces) -> None:
    with traces.on(), pytest.raises(Exception, match=r"busy|503"):
        virtually(one_task_crew(ScriptedModel(error)).kickoff_async({"topic": "tea"}))
    assert traces.named("chat ScriptedModel").attributes.get("http.response.status_code") == status


def test_an_error_is_a_status_and_a_type_on_every_span_that_it_ends(traces: Traces) -> None:
    error = RateLimitError("slow down", model="m", status=429)
    with traces.on(), pytest.raises(RateLimitError):
        virtually(one_task_crew(ScriptedModel(error), name="crew").kickoff_async({"topic": "tea"}))
    assert len(traces.spans) == 3
    for span in traces.spans:
        assert span.status.status_code is StatusCode.ERROR
        assert span.attributes["error.type"] == "RateLimitError"
        assert "aiocrew.cancelled" not in span.attributes


def test_an_error_is_recorded_once_where_it_was_raised(traces: Traces) -> None:
    error = RateLimitError("slow down", model="m", status=429)

    class Asking(Flow):
        @start()
        async def ask(self) -> Any:
            return await one_task_crew(ScriptedModel(error), name="inner").kickoff_async({"topic": "tea"})

    with traces.on(), pytest.raises(RateLimitError):
        virtually(Asking().kickoff_async())
    assert len(traces.spans) == 5
    recorded = [(span.name, event.name, dict(event.attributes)) for span in traces.spans for event in span.events]
    assert recorded == [("chat ScriptedModel", "exception", {"exception.type": "RateLimitError"})]


def test_an_error_that_cancels_what_is_beside_it_is_recorded_once(traces: Traces) -> None:
    class Two(Flow):
        @start()
        async def fail(self) -> None:
            await asyncio.sleep(1)
            raise ValueError("no")

        @start()
        async def wait(self) -> Any:
            return await one_task_crew(ScriptedModel("A", delay_s=60)).kickoff_async({"topic": "tea"})

    with traces.on() as tracing, pytest.raises(ValueError, match="no"):
        virtually(Two().kickoff_async())
    assert tracing.under_way == 0
    assert [span.name for span in traces.spans for event in span.events] == ["Two.fail"]
    cancelled = {span.name for span in traces.spans if span.attributes.get("aiocrew.cancelled")}
    assert {"Two.wait", "invoke_agent Analyst", "chat ScriptedModel"} < cancelled
    assert {span.attributes["error.type"] for span in traces.spans} == {"ValueError", "CancelledError"}


def test_errors_of_a_kind_that_come_one_after_the_other_are_both_recorded(traces: Traces) -> None:
    def refuse(output: Any) -> None:
        raise ValueError("not this one")

    @tool
    def fail() -> str:
        """Fail."""
        raise ValueError("no tool")

    agent = agent_with(ScriptedModel(calls(("fail", {})), "Done"), tools=[fail])
    crew = Crew(name="crew", agents=[agent], tasks=[task_for(agent, callback=refuse)])
    with traces.on(content=True), pytest.raises(Exception, match="not this one"):
        virtually(crew.kickoff_async({"topic": "tea"}))
    recorded = [span.name for span in traces.spans for event in span.events if event.name == "exception"]
    assert recorded == ["execute_tool fail", "invoke_workflow crew"]


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        (("fail", {}), "ZeroDivisionError"),
        (("unknown", {}), "tool_call_rejected"),
        (("look_up", {}), "tool_call_rejected"),
    ],
)
def test_a_tool_that_gives_nothing_says_why(asked: tuple[str, dict[str, Any]], kind: str, traces: Traces) -> None:
    @tool
    def fail() -> str:
        """Fail."""
        raise ZeroDivisionError("secret")

    agent = agent_with(ScriptedModel(calls(asked), "Done"), tools=[fail, look_up])
    with traces.on():
        virtually(Crew(agents=[agent], tasks=[task_for(agent)]).kickoff_async({"topic": "tea"}))
    (span,) = [span for span in traces.spans if span.name.startswith("execute_tool")]
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == kind
    assert traces.named("invoke_agent Analyst").status.status_code is StatusCode.UNSET, "the model went on"


def test_a_cancelled_run_says_that_it_was_cancelled(traces: Traces) -> None:
    async def main() -> None:
        task = asyncio.create_task(one_task_crew(ScriptedModel("A", delay_s=60)).kickoff_async({"topic": "tea"}))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with traces.on() as tracing:
        on_virtual_time(main)
        assert tracing.under_way == 0
    assert len(traces.spans) == 3
    for span in traces.spans:
        assert span.status.status_code is StatusCode.ERROR
        assert (span.attributes["error.type"], span.attributes["aiocrew.cancelled"]) == ("CancelledError", True)
        assert span.events == ()
        assert (span.end_time - span.start_time) / 1e9 == pytest.approx(1, abs=1e-5)


def test_an_agent_that_cannot_even_begin_has_a_span(traces: Traces) -> None:
    async def main() -> None:
        await agent_with("openai/gpt-4o").kickoff_async("Which tea?")

    with traces.on(), pytest.raises(ValueError, match="key"):
        on_virtual_time(main)
    assert traces.named("invoke_agent Analyst").attributes["error.type"] == "MissingKeyError"
