"""Where a call goes and with which parameters, on its span, its agent's, and its measurements."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from pydantic import BaseModel

from aiocrew import LLM, Crew
from aiocrew.errors import AuthenticationError
from aiocrew.seeing.otel.called import called_model
from aiocrew.seeing.recorder import recording
from aiocrew.types.events import LLMCallStarted
from aiocrew.types.model_settings import ModelSettings
from tests.crew.scenes import agent_with, task_for
from tests.net.loopback import Provider, http, serving
from tests.seeing.otel.test_otlp import attributes, exporting, receiving
from tests.seeing.otel.traces import Traces

KEY = "sk-hidden-0123456789abcdef"
REPLY = http(
    {
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Tea"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 8}},
    }
)


def crew_at(provider: Provider, **fields: Any) -> Crew:
    llm = LLM("openai/gpt-4o-mini", base_url=f"http://127.0.0.1:{provider.port}/v1", api_key=KEY, **fields)
    agent = agent_with(llm)
    return Crew(name="crew", agents=[agent], tasks=[task_for(agent)])


def asked(traces: Traces, *answers: bytes, **fields: Any) -> int:
    """Let a crew ask a server once, and return the server's port."""

    async def main() -> int:
        async with serving(*answers) as provider:
            with traces.on():
                await crew_at(provider, **fields).kickoff_async({"topic": "tea"})
            return provider.port

    return asyncio.run(main())


def said(span: Any) -> dict[str, Any]:
    return {name: value for name, value in span.attributes.items() if not name.startswith("aiocrew.")}


def test_a_call_says_where_it_goes_and_with_which_parameters(traces: Traces) -> None:
    port = asked(
        traces,
        REPLY,
        temperature=0.2,
        top_p=0.9,
        max_tokens=100,
        seed=7,
        stop=["END"],
        presence_penalty=0.1,
        frequency_penalty=0.3,
        extra_body={"top_k": 40, "n": 1, "service_tier": "flex"},
    )
    parameters = {
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.request.temperature": 0.2,
        "gen_ai.request.top_p": 0.9,
        "gen_ai.request.top_k": 40.0,
        "gen_ai.request.max_tokens": 100,
        "gen_ai.request.seed": 7,
        "gen_ai.request.stop_sequences": ("END",),
        "gen_ai.request.presence_penalty": 0.1,
        "gen_ai.request.frequency_penalty": 0.3,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 9,
        "gen_ai.usage.output_tokens": 1,
        "gen_ai.usage.cache_read.input_tokens": 8,
    }
    assert said(traces.named("chat gpt-4o-mini")) == {
        **parameters,
        "gen_ai.operation.name": "chat",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "server.address": "127.0.0.1",
        "server.port": port,
        "openai.api.type": "chat_completions",
        "openai.request.service_tier": "flex",
    }
    assert said(traces.named("invoke_agent Analyst")) == {
        **parameters,
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "Analyst",
    }
    assert KEY not in traces.all_text()


def test_measurements_name_the_server_and_no_parameter(traces: Traces) -> None:
    port = asked(traces, REPLY, temperature=0.2)
    (point,) = traces.points("gen_ai.client.operation.duration")
    whom = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "server.address": "127.0.0.1",
        "server.port": port,
    }
    assert dict(point.attributes) == whom
    tokens = {point.attributes["gen_ai.token.type"]: point for point in traces.points("gen_ai.client.token.usage")}
    assert dict(tokens["input"].attributes) == {**whom, "gen_ai.token.type": "input"}


def test_a_form_that_the_llm_or_the_task_asks_for_is_json(traces: Traces) -> None:
    class Form(BaseModel):
        name: str

    asked(traces, REPLY, response_format={"type": "json_object"})
    for name in ("chat gpt-4o-mini", "invoke_agent Analyst"):
        assert traces.named(name).attributes["gen_ai.output.type"] == "json"


def test_a_refused_call_says_with_which_status(traces: Traces) -> None:
    with pytest.raises(AuthenticationError):
        asked(traces, http({"error": {"message": "who? (HTTP 200)"}}, "401 Unauthorized"))
    chat = traces.named("chat gpt-4o-mini").attributes
    assert (chat["error.type"], chat["http.response.status_code"]) == ("AuthenticationError", 401)
    assert "http.response.status_code" not in traces.named("invoke_agent Analyst").attributes


def test_a_retried_call_says_with_which_status_each_attempt_failed(traces: Traces) -> None:
    busy = http({"error": {"message": "busy"}}, "503 Service Unavailable", retry_after_ms="1")
    asked(traces, busy, REPLY)
    chat = traces.named("chat gpt-4o-mini")
    retried = [dict(event.attributes) for event in chat.events if event.name == "aiocrew.retried"]
    assert [(event["aiocrew.attempt"], event["http.response.status_code"]) for event in retried] == [(1, 503)]
    assert chat.status.is_unset
    assert "http.response.status_code" not in chat.attributes


def test_a_receiver_of_otlp_is_told_of_servers_and_parameters() -> None:
    async def main(receiver: Any) -> int:
        async with serving(REPLY) as provider:
            with exporting(receiver.url):
                await crew_at(provider, temperature=0.2, stop=["END"]).kickoff_async({"topic": "tea"})
            return provider.port

    with receiving() as receiver:
        port = asyncio.run(main(receiver))
    chat = attributes(receiver.spans["chat gpt-4o-mini"])
    assert (chat["server.address"], chat["server.port"]) == ("127.0.0.1", port)
    assert chat["gen_ai.request.temperature"] == 0.2
    assert [item.string_value for item in chat["gen_ai.request.stop_sequences"].values] == ["END"]


def test_all_calls_of_a_model_tell_of_one_object() -> None:
    async def main() -> list[LLMCallStarted]:
        async with serving(REPLY) as provider:
            crew = crew_at(provider)
            with recording() as events:
                for topic in ("tea", "coffee"):
                    await crew.kickoff_async({"topic": topic})
        return [event for event in events if isinstance(event, LLMCallStarted)]

    first, second = asyncio.run(main())
    assert first.settings is second.settings
    assert json.dumps(KEY) not in repr(first)


def test_a_model_is_described_once() -> None:
    told = ModelSettings(provider="mistral", model="m", server="h", port=1, stream=True, choices=2)
    called = called_model("mistral/m", told)
    assert called_model("mistral/m", ModelSettings("mistral", "m", "h", 1, True, choices=2)) is called
    assert called.call["gen_ai.provider.name"] == "mistral_ai"
    assert (called.call["gen_ai.request.stream"], called.call["gen_ai.request.choice.count"]) == (True, 2)
    assert "openai.api.type" not in called.call
    assert "server.address" not in called.agent


def test_a_model_of_ones_own_says_its_class_and_nothing_else() -> None:
    whom = {"gen_ai.provider.name": "custom", "gen_ai.request.model": "MyModel"}
    assert called_model("MyModel").call == {"gen_ai.operation.name": "chat", **whom}
    assert called_model("MyModel").agent == whom
