"""Prompts and replies go out where they are asked for, and nowhere else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aiocrew import Crew, tool
from aiocrew.errors import ProviderError
from aiocrew.seeing.otel.content import inputs_as_message
from aiocrew.seeing.otel.failures import failure_of, failure_of_tool
from tests.crew.scenes import agent_with, task_for
from tests.doubles import ScriptedModel, calls
from tests.seeing.otel.traces import Traces, virtually

SECRET = "hunter2"
VARIABLE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


@tool
def look_up(query: str) -> str:
    """Look it up."""
    return f"found {query}"


@tool
def fail(query: str) -> str:
    """Fail, and say with what."""
    raise ValueError(f"no {query}")


def leaky(*last: Any) -> Crew:
    """A crew with a secret wherever a text can stand."""
    asked = calls(("look_up", {"query": SECRET}), ("fail", {"query": SECRET}), ("fail", f"{SECRET}("), text=SECRET)
    agent = agent_with(ScriptedModel(asked, *last), tools=[look_up, fail], goal=SECRET, backstory=SECRET)
    verdicts = iter([(False, f"not {SECRET}"), (True, None)])
    task = task_for(agent, f"Work on {SECRET} and {{topic}}", guardrail=lambda output: next(verdicts))
    return Crew(name="crew", agents=[agent], tasks=[task])


def run(crew: Crew) -> None:
    try:
        virtually(crew.kickoff_async({"topic": SECRET}))
    except ProviderError as error:
        assert SECRET in str(error)  # noqa: PT017


@pytest.mark.parametrize("last", [(SECRET, SECRET), (ProviderError(SECRET, model="m", status=400),)])
@pytest.mark.parametrize("said", [None, "", "false", "NO_CONTENT", "EVENT_ONLY"])
def test_no_text_leaves_unless_it_is_asked_for(
    last: tuple[Any, ...], said: str | None, traces: Traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    if said is not None:
        monkeypatch.setenv(VARIABLE, said)
    with traces.on():
        run(leaky(*last))
    assert len(traces.spans) >= 7
    assert SECRET not in traces.all_text()


@pytest.mark.parametrize("said", ["true", "True", "SPAN_ONLY", "span_and_event"])
def test_the_environment_may_ask_for_content(said: str, traces: Traces, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, said)
    with traces.on():
        run(leaky(SECRET, SECRET))
    assert SECRET in traces.all_text()


def test_what_the_program_says_wins_over_the_environment(traces: Traces, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "true")
    with traces.on(content=False):
        run(leaky(SECRET, SECRET))
    assert SECRET not in traces.all_text()


def test_content_has_the_form_of_the_conventions(traces: Traces) -> None:
    model = ScriptedModel(calls(("look_up", {"query": "tea"})), "Tea is a drink")
    agent = agent_with(model, tools=[look_up])
    with traces.on(content=True):
        virtually(Crew(name="crew", agents=[agent], tasks=[task_for(agent)]).kickoff_async({"topic": "tea"}))

    first, last = (span.attributes for span in traces.spans if span.name == "chat ScriptedModel")
    system, user, asked, given = json.loads(last["gen_ai.input.messages"])
    assert [system["role"], user["role"]] == ["system", "user"]
    assert "Work on tea" in user["parts"][0]["content"]
    call = {"type": "tool_call", "id": "c0", "name": "look_up", "arguments": {"query": "tea"}}
    assert asked == {"role": "assistant", "parts": [call]}
    response = {"type": "tool_call_response", "id": "c0", "response": "found tea"}
    assert given == {"role": "tool", "parts": [response]}
    assert json.loads(first["gen_ai.output.messages"]) == [
        {"role": "assistant", "parts": [call], "finish_reason": "tool_call"}
    ]
    answer = {"role": "assistant", "parts": [{"type": "text", "content": "Tea is a drink"}], "finish_reason": "stop"}
    assert json.loads(last["gen_ai.output.messages"]) == [answer]
    assert json.loads(first["gen_ai.tool.definitions"]) == [{"type": "function", "name": "look_up"}]

    used = traces.named("execute_tool look_up").attributes
    assert "Look it up." in used["gen_ai.tool.description"]
    assert json.loads(used["gen_ai.tool.call.arguments"]) == {"query": "tea"}
    assert used["gen_ai.tool.call.result"] == "found tea"

    work = traces.named("invoke_agent Analyst").attributes
    assert json.loads(work["gen_ai.system_instructions"]) == system["parts"]
    assert json.loads(work["gen_ai.input.messages"]) == [user]
    assert json.loads(work["gen_ai.tool.definitions"]) == [{"type": "function", "name": "look_up"}]
    assert json.loads(work["gen_ai.output.messages"]) == [answer]
    assert work["aiocrew.task.name"] == "Work on tea"
    inputs = json.loads(traces.named("invoke_workflow crew").attributes["gen_ai.input.messages"])
    assert json.loads(inputs[0]["parts"][0]["content"]) == {"topic": "tea"}


def test_an_errors_message_is_content(traces: Traces) -> None:
    with traces.on(content=True):
        run(leaky(ProviderError("it broke", model="m", status=400)))
    work = traces.named("invoke_agent Analyst")
    assert "it broke" in work.status.description
    (exception,) = (event for span in traces.spans for event in span.events if "it broke" in str(event.attributes))
    assert "it broke" in exception.attributes["exception.message"]


def test_half_a_surrogate_pair_spoils_nothing(traces: Traces) -> None:
    half = "\ud83d"
    asked = calls((f"tool{half}", f'{{"query": "{half}"}}'), ("look_up", {"query": "tea"}), text=half)
    agent = agent_with(ScriptedModel(asked, f"A {half}"), tools=[look_up], role=f"R{half}")
    with traces.on(content=True):
        virtually(Crew(agents=[agent], tasks=[task_for(agent, "Work")]).kickoff_async({"topic": half}))
    for span in traces.spans:
        for text in [span.name, *span.attributes.values()]:
            str(text).encode()
    assert "invoke_agent R?" in traces.names()


def test_the_type_of_an_error_is_read_off_what_the_event_says() -> None:
    assert failure_of("RateLimitError('slow')").type == "RateLimitError"
    assert failure_of("1 validation error for X").type == "_OTHER"
    assert failure_of("slow down, please", status=429).type == "429"
    assert failure_of("RateLimitError('slow')", status=429).type == "RateLimitError"
    assert failure_of("cancelled", cancelled=True).type == "CancelledError"
    assert failure_of("CancelledError()").cancelled
    assert failure_of_tool("t", "The tool 't' failed: my.Error: hunter2").type == "my.Error"
    assert failure_of_tool("t", "The tool 't' failed: KeyError").type == "KeyError"
    assert failure_of_tool("t", "The tool 't' may run 1 times, and has.").type == "tool_call_rejected"


def test_inputs_that_json_does_not_have_are_told_as_far_as_it_does() -> None:
    itself: list[Any] = []
    itself.append(itself)
    assert _told({"odd": {("a", 1): 2, "b": 3}, "object": object()}) == '{"odd": {"b": 3}, "object": "<object>"}'
    assert _told({"itself": itself, "topic": "tea"}) == '{"itself": "<list>", "topic": "<str>"}'


def _told(inputs: dict[str, Any]) -> str:
    [message] = json.loads(inputs_as_message(inputs))
    return message["parts"][0]["content"]
