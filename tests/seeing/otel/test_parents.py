"""Spans lie below the right ones, whatever else goes on in the process."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from fastapi import FastAPI, Request
from opentelemetry import context as contexts
from opentelemetry.trace import get_current_span

from aiocrew import Crew, RunOptions, tool
from tests.crew.scenes import agent_with, one_task_crew, task_for
from tests.doubles import ScriptedModel, calls, on_virtual_time, prompt
from tests.seeing.otel.traces import Traces, virtually


def current_name() -> str:
    """Return the name of the span that is current here."""
    return getattr(get_current_span(), "name", "")


def calling(*named: Any, tools: list[Any], name: str = "crew") -> Crew:
    """A crew whose agent calls tools at once, and then answers."""
    agent = agent_with(ScriptedModel(calls(*named), "Done"), tools=tools)
    return Crew(name=name, agents=[agent], tasks=[task_for(agent, "Work")])


def test_a_run_lies_below_the_span_that_is_current_where_it_is_started(traces: Traces) -> None:
    async def request() -> None:
        with traces.tracer.start_as_current_span("POST /research"):
            await one_task_crew(ScriptedModel("A"), name="crew").kickoff_async({"topic": "tea"})

    with traces.on():
        on_virtual_time(request)
    assert traces.parent(traces.named("invoke_workflow crew")) == "POST /research"
    assert len({span.context.trace_id for span in traces.spans}) == 1


def test_a_hundred_runs_at_once_keep_to_their_own_requests(traces: Traces) -> None:
    crew = one_task_crew(ScriptedModel(by=prompt, delay_s=1), name="crew")

    async def request(number: int) -> None:
        with traces.tracer.start_as_current_span("request", attributes={"number": number}):
            await crew.kickoff_async({"topic": str(number)})

    async def main() -> None:
        await asyncio.gather(*(request(number) for number in range(100)))

    with traces.on() as tracing:
        on_virtual_time(main)
        assert tracing.under_way == 0
    assert set(traces.names().values()) == {100}
    chain = ["chat ScriptedModel", "invoke_agent Analyst", "invoke_workflow crew", "request", ""]
    by_id = {span.context.span_id: span for span in traces.spans}
    for chat in (span for span in traces.spans if span.name == chain[0]):
        names, run_ids, at = [], set(), chat
        while at is not None:
            names.append(at.name)
            run_ids.add(at.attributes.get("aiocrew.run.id"))
            at = by_id[at.parent.span_id] if at.parent else None
        assert names == chain[:-1]
        assert len(run_ids - {None}) == 1


def test_tasks_and_tools_side_by_side_lie_below_their_own_agents(traces: Traces) -> None:
    @tool
    async def wait(seconds: int) -> str:
        """Wait."""
        await asyncio.sleep(seconds)
        return current_name()

    agents = [
        agent_with(
            ScriptedModel(calls(("wait", {"seconds": 3 - number}), ("wait", {"seconds": number + 4})), "A", delay_s=1),
            role=f"R{number}",
            tools=[wait],
        )
        for number in range(3)
    ]
    tasks = [task_for(agent, "Work", async_execution=True, context=[]) for agent in agents]
    with traces.on():
        virtually(Crew(name="crew", agents=agents, tasks=tasks).kickoff_async())
    for span in traces.spans:
        if span.name == "execute_tool wait":
            number = span.attributes["aiocrew.path"].removeprefix("run/task-")[0]
            assert traces.parent(span) == f"invoke_agent R{number}"
            assert span.attributes["gen_ai.agent.name"] == f"R{number}"


def test_what_a_tool_does_lies_below_the_tool(traces: Traces) -> None:
    @tool
    async def fetch() -> str:
        """Fetch, on the loop."""
        with traces.tracer.start_as_current_span("GET async"):
            await asyncio.sleep(1)
        return "A"

    @tool
    def read() -> str:
        """Read, in a thread."""
        assert threading.current_thread() is not threading.main_thread()
        with traces.tracer.start_as_current_span("GET plain"):
            return "B"

    with traces.on():
        virtually(calling(("fetch", {}), ("read", {}), tools=[fetch, read]).kickoff_async())
    assert traces.parent(traces.named("GET async")) == "execute_tool fetch"
    assert traces.parent(traces.named("GET plain")) == "execute_tool read"


def test_a_run_in_a_tool_lies_below_that_tool(traces: Traces) -> None:
    inner = one_task_crew(ScriptedModel(by=prompt), name="inner")

    @tool
    async def ask(topic: str) -> str:
        """Ask another crew, on the loop."""
        with traces.tracer.start_as_current_span("my own"):
            return (await inner.kickoff_async({"topic": topic})).raw

    @tool
    def demand(topic: str) -> str:
        """Ask another crew, from a thread."""
        return inner.kickoff({"topic": topic}).raw

    crew = calling(("ask", {"topic": "a"}), ("demand", {"topic": "b"}), tools=[ask, demand], name="outer")
    with traces.on():
        virtually(crew.kickoff_async())
    parents = sorted(traces.parent(span) for span in traces.spans if span.name == "invoke_workflow inner")
    assert parents == ["execute_tool demand", "my own"]
    assert len({span.context.trace_id for span in traces.spans}) == 1


def test_a_models_own_client_lies_below_the_call(traces: Traces) -> None:
    class Own:
        async def reply(self, request: Any) -> Any:
            from aiocrew import Reply

            with traces.tracer.start_as_current_span("POST"):
                return Reply("A")

    with traces.on():
        virtually(one_task_crew(Own()).kickoff_async({"topic": "tea"}))
    assert traces.parent(traces.named("POST")) == "chat Own"


def test_callbacks_lie_below_the_run(traces: Traces) -> None:
    seen: list[str] = []
    agent = agent_with(ScriptedModel("A"))
    task = task_for(agent, callback=lambda output: seen.append(current_name()))
    crew = Crew(
        name="crew",
        agents=[agent],
        tasks=[task],
        before_kickoff_callbacks=[lambda inputs: [seen.append(current_name()), inputs][1]],
    )
    with traces.on():
        virtually(crew.kickoff_async({"topic": "tea"}))
    assert seen == ["invoke_workflow crew"] * 2


@pytest.mark.parametrize("outcome", ["returns", "raises", "is cancelled", "is too late"])
def test_nothing_of_a_run_is_current_when_it_has_ended(
    outcome: str, traces: Traces, caplog: pytest.LogCaptureFixture
) -> None:
    answer = ValueError("no") if outcome == "raises" else "A"
    model = ScriptedModel(answer, delay_s=1)
    options = RunOptions(deadline_s=0.5) if outcome == "is too late" else None

    async def main() -> tuple[Any, Any]:
        before = contexts.get_current()
        if outcome == "is cancelled":
            asyncio.get_running_loop().call_later(0.5, asyncio.current_task().cancel)
        try:
            await one_task_crew(model).kickoff_async({"topic": "tea"}, options=options)
        except asyncio.CancelledError:
            asyncio.current_task().uncancel()
        except Exception:
            assert outcome in {"raises", "is too late"}
        return before, contexts.get_current()

    with traces.on():
        before, after = on_virtual_time(main)
    assert after is before
    assert caplog.records == []


def test_what_a_tool_leaves_current_by_mistake_does_not_outlive_it(
    traces: Traces, caplog: pytest.LogCaptureFixture
) -> None:
    @tool
    async def leak() -> str:
        """Attach, and never detach."""
        contexts.attach(contexts.set_value("leaked", True))
        return "A"

    async def main() -> Any:
        await calling(("leak", {}), tools=[leak]).kickoff_async()
        return contexts.get_value("leaked")

    with traces.on():
        assert on_virtual_time(main) is None
    assert caplog.records == []


def test_an_end_that_is_told_from_another_task_is_no_error(traces: Traces, caplog: pytest.LogCaptureFixture) -> None:
    from aiocrew.seeing.otel.reader import SpanReader
    from aiocrew.types.events import CrewKickoffCompleted, CrewKickoffStarted
    from aiocrew.types.paths import ROOT

    reader = SpanReader(traces.tracer_provider, None, content=False)

    async def emit(event: Any) -> None:
        reader.emit(event)

    async def main() -> None:
        await asyncio.create_task(emit(CrewKickoffStarted("r", ROOT, 0, 1, "crew", None)))
        with traces.tracer.start_as_current_span("mine") as mine:
            await asyncio.create_task(emit(CrewKickoffCompleted("r", ROOT, 0, 2, "crew", "A")))
            assert get_current_span() is mine

    on_virtual_time(main)
    assert caplog.records == []
    assert traces.names() == {"invoke_workflow crew": 1, "mine": 1}


def test_runs_in_several_loops_at_once_are_not_mixed_up(traces: Traces) -> None:
    crew = one_task_crew(ScriptedModel(by=prompt), name="crew")

    def work(number: int) -> None:
        with traces.tracer.start_as_current_span(f"thread {number}"):
            for _ in range(5):
                crew.kickoff({"topic": str(number)})

    with traces.on() as tracing:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert tracing.under_way == 0
    parents = [traces.parent(span) for span in traces.spans if span.name == "invoke_workflow crew"]
    assert sorted(parents) == sorted(f"thread {number}" for number in range(4) for _ in range(5))


async def post(app: Any, path: str) -> int:
    """Return the status of a request to an ASGI application."""
    sent: list[Any] = []
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": path}
    scope |= {"raw_path": path.encode(), "query_string": b"", "headers": [], "scheme": "http", "root_path": ""}
    body = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Any:
        return next(body, None) or await asyncio.get_running_loop().create_future()

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"]


def test_an_application_with_a_span_for_each_request_sees_the_runs_below_it(traces: Traces) -> None:
    app = FastAPI()
    crew = one_task_crew(ScriptedModel(by=prompt, delay_s=0.01), name="crew")

    @app.middleware("http")
    async def traced(request: Request, call_next: Any) -> Any:
        with traces.tracer.start_as_current_span(f"POST {request.url.path}"):
            return await call_next(request)

    @app.post("/{topic}")
    async def research(topic: str) -> str:
        return (await crew.kickoff_async({"topic": topic})).raw

    async def main() -> list[int]:
        return await asyncio.gather(post(app, "/tea"), post(app, "/coffee"))

    with traces.on():
        assert asyncio.run(main()) == [200, 200]
    parents = sorted(traces.parent(span) for span in traces.spans if span.name == "invoke_workflow crew")
    assert parents == ["POST /coffee", "POST /tea"]
