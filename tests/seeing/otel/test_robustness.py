"""What goes wrong around tracing harms no run, and nothing is kept for ever."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import subprocess
import sys
import weakref
from typing import Any

import pytest
from opentelemetry import context as contexts
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from aiocrew import Crew
from aiocrew.errors import UsageError
from aiocrew.seeing.otel import instrument, open_spans
from tests.crew.scenes import agent_with, one_task_crew, task_for
from tests.doubles import ScriptedModel, on_virtual_time, prompt
from tests.seeing.otel.traces import Traces, virtually


def test_without_opentelemetry_an_error_says_what_to_install() -> None:
    program = (
        "import sys\n"
        "sys.modules['opentelemetry'] = None\n"
        "from aiocrew.seeing.otel import instrument\n"
        "try:\n"
        "    instrument()\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    said = 'UsageError tracing needs OpenTelemetry: pip install "aiocrew[otel]"'
    assert (done.stdout.strip(), done.stderr) == (said, "")


def test_opentelemetry_is_loaded_by_whoever_switches_it_on_and_then_its_api_alone() -> None:
    program = (
        "import sys\n"
        "import aiocrew.seeing.otel as otel\n"
        "print('opentelemetry' in sys.modules)\n"
        "otel.instrument().uninstrument()\n"
        "print('opentelemetry.trace' in sys.modules, 'opentelemetry.sdk' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.stderr) == (["False", "True", "False"], "")


def test_a_broken_import_is_not_taken_for_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiocrew.seeing.otel.reader", None)
    with pytest.raises(ModuleNotFoundError, match="reader"):
        instrument()
    assert not issubclass(ModuleNotFoundError, UsageError)


def test_without_a_provider_runs_go_on_as_ever() -> None:
    with instrument() as tracing:
        result = virtually(one_task_crew(ScriptedModel("A")).kickoff_async({"topic": "tea"}))
        assert tracing.under_way == 0
    assert result.raw == "A"


def test_the_sdk_can_be_switched_off_by_its_variable(traces: Traces, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with traces.on() as tracing:
        virtually(one_task_crew(ScriptedModel("A")).kickoff_async({"topic": "tea"}))
        assert tracing.under_way == 0
    assert traces.spans == []


def test_switching_off_twice_is_as_once(traces: Traces) -> None:
    first = traces.on()
    first.uninstrument()
    with traces.on():
        first.uninstrument()
        virtually(one_task_crew(ScriptedModel("A"), name="crew").kickoff_async({"topic": "tea"}))
    assert traces.names()["invoke_workflow crew"] == 1


@pytest.mark.parametrize(("first", "second"), [(True, True), (True, False), (False, True), (False, False)])
def test_switching_on_twice_traces_each_run_once_and_says_so(
    first: bool, second: bool, traces: Traces, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> bool:
        before = contexts.get_current()
        await one_task_crew(ScriptedModel("A"), name="crew").kickoff_async({"topic": "tea"})
        return contexts.get_current() is before

    with traces.on(everywhere=first) as tracing, traces.on(everywhere=second) as again:
        again.uninstrument()
        assert on_virtual_time(main)
        assert tracing.under_way == 0
    assert traces.names()["invoke_workflow crew"] == 1
    assert [record.getMessage() for record in caplog.records] == [
        "tracing is switched on already and stays as it is: to change it, uninstrument() it first"
    ]


def test_two_tasks_may_each_trace_what_they_start(traces: Traces) -> None:
    other = Traces()

    async def work(mine: Traces, name: str) -> None:
        with mine.on(everywhere=False):
            await one_task_crew(ScriptedModel("A", delay_s=1), name=name).kickoff_async({"topic": "tea"})

    async def main() -> None:
        await asyncio.gather(work(traces, "first"), work(other, "second"))

    on_virtual_time(main)
    assert traces.names()["invoke_workflow first"] == other.names()["invoke_workflow second"] == 1
    assert len(traces.spans) == len(other.spans) == 3
    other.close()


def test_a_run_under_way_is_traced_to_its_end(traces: Traces) -> None:
    async def main() -> None:
        model = ScriptedModel("A", delay_s=1)
        tracing = traces.on()
        run = asyncio.create_task(one_task_crew(model, name="crew").kickoff_async({"topic": "tea"}))
        await model.reached(1)
        tracing.uninstrument()
        await run
        assert tracing.under_way == 0

    on_virtual_time(main)
    assert traces.named("invoke_workflow crew").status.is_unset


class _Failing(SpanProcessor):
    """A span processor with a fault, at the start or at the end of a span."""

    def __init__(self, at: str) -> None:
        self.at = at

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        if self.at == "start":
            raise RuntimeError("no start")

    def on_end(self, span: Any) -> None:
        if self.at == "end":
            raise RuntimeError("no end")


@pytest.mark.parametrize("at", ["start", "end"])
def test_a_pipeline_that_fails_harms_no_run_and_leaves_nothing_current(
    at: str, caplog: pytest.LogCaptureFixture
) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(_Failing(at))

    async def main() -> str:
        before = contexts.get_current()
        result = await one_task_crew(ScriptedModel("A")).kickoff_async({"topic": "tea"})
        assert contexts.get_current() is before
        return result.raw

    with instrument(tracer_provider=provider) as tracing:
        assert on_virtual_time(main) == "A"
        assert tracing.under_way == 0
    assert {record.name for record in caplog.records} == {"aiocrew.otel"}
    assert "no span could be made of a CrewKickoff" in caplog.text


def test_a_run_that_is_cut_off_is_kept_no_longer_than_until_many_others_have_begun(
    traces: Traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_spans, "_MANY", 8)
    crew = one_task_crew(ScriptedModel(by=prompt, delay_s=1), name="cut off")

    def cut_off() -> None:
        loop, context = asyncio.new_event_loop(), contextvars.copy_context()
        task = loop.create_task(crew.kickoff_async({"topic": "tea"}), context=context)
        loop.run_until_complete(asyncio.sleep(0))
        context.run(task.get_coro().close)  # as an interpreter that ends does it: no event tells of it
        loop.call_soon(loop.stop)
        loop.run_forever()
        task._log_destroy_pending = False
        loop.close()

    with traces.on() as tracing:
        most = 0
        for _ in range(50):
            cut_off()
            most = max(most, tracing.under_way)
        assert 0 < most <= 9
    assert tracing.under_way == 0
    ended = [span for span in traces.spans if span.name == "invoke_workflow cut off"]
    assert len(ended) == 50
    assert all(span.attributes["aiocrew.abandoned"] and span.status.status_code.name == "ERROR" for span in ended)


def test_what_a_failing_guardrail_leaves_open_ends_with_its_run(traces: Traces) -> None:
    def guard(output: Any) -> Any:
        raise SystemExit(1)

    agent = agent_with(ScriptedModel("A"))
    crew = Crew(name="crew", agents=[agent], tasks=[task_for(agent, guardrail=guard)])
    with traces.on() as tracing, pytest.raises(Exception, match="guard"):
        virtually(crew.kickoff_async({"topic": "tea"}))
    assert tracing.under_way == 0
    assert len(traces.spans) == 3


def test_tracing_lasts_although_nobody_keeps_what_switches_it_off(traces: Traces) -> None:
    tracing = weakref.ref(traces.on())
    gc.collect()
    virtually(one_task_crew(ScriptedModel("A"), name="crew").kickoff_async({"topic": "tea"}))
    assert traces.names()["invoke_workflow crew"] == 1
    tracing().uninstrument()
    gc.collect()
    assert tracing() is None
