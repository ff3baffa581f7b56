"""How each model is told the form of its answer: the table, and the bodies that come of it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel

from aiocrew.models.answer_ways import answer_way
from aiocrew.models.answers import answer_spec
from aiocrew.models.chat import ChatModel
from aiocrew.models.endpoint import Endpoint
from aiocrew.models.llm import LLM
from aiocrew.models.wire_request import encode_request
from aiocrew.types.messages import Request, ToolSpec, User


class Answer(BaseModel):
    """What was found."""

    name: str
    score: int = 0


class Open(BaseModel):
    fields: dict[str, str]


SPEC = answer_spec(Answer)
SEARCH = ToolSpec("search", "Search the web", msgspec.Raw(b'{"type":"object"}'))
SEARCH_ON_THE_WIRE = {
    "type": "function",
    "function": {"name": "search", "description": "Search the web", "parameters": {"type": "object"}},
}
ANSWER_ON_THE_WIRE = {
    "type": "function",
    "function": {
        "name": "Answer",
        "description": "Call this with your complete answer once you have all that the task needs. What was found.",
        "parameters": json.loads(bytes(SPEC.schema)),
    },
}
FORCED = {"type": "function", "function": {"name": "Answer"}}
FORMAT = {
    "type": "json_schema",
    "json_schema": {
        "name": "Answer",
        "description": "What was found.",
        "schema": json.loads(bytes(SPEC.strict_schema or b"")),
        "strict": True,
    },
}


def endpoint(model: str, **fields: Any) -> Endpoint:
    if model.startswith("azure/"):
        fields = {"base_url": "https://r.openai.azure.com", **fields}
    chat = LLM(model, api_key="k", **fields).resolve().model
    assert isinstance(chat, ChatModel)
    return chat.endpoint


def sent(to: Endpoint, *tools: ToolSpec, stream: bool = False, **fields: Any) -> dict[str, Any]:
    request = Request((User("go"),), tools, **{"answer": SPEC, **fields})
    body = json.loads(encode_request(to, request, stream=stream))
    return {name: body[name] for name in ("tools", "tool_choice", "response_format") if name in body}


@pytest.mark.parametrize(
    ("model", "way"),
    [
        ("gpt-4o-mini", "schema"),
        ("gpt-4o", "schema"),
        ("gpt-4o-2024-11-20", "schema"),
        ("gpt-4.1-nano", "schema"),
        ("gpt-5", "schema"),
        ("gpt-5.2-mini", "schema"),
        ("gpt-6", "schema"),
        ("o1", "schema"),
        ("o3-mini", "schema"),
        ("o4-mini-2025-04-16", "schema"),
        ("ft:gpt-4o-mini-2024-07-18:org::id", "schema"),
        ("gpt-4o-2024-05-13", "tool"),
        ("gpt-4", "tool"),
        ("gpt-4-turbo-2024-04-09", "tool"),
        ("gpt-3.5-turbo", "tool"),
        ("ft:gpt-3.5-turbo-0125:org::id", "tool"),
        ("o1-mini-2024-09-12", "text"),
        ("o1-preview", "text"),
        ("chatgpt-4o-latest", "text"),
        ("azure/gpt-4o", "schema"),
        ("azure/gpt-35-turbo", "tool"),
        ("azure/my-deployment", "tool"),
        ("groq/openai/gpt-oss-120b", "schema_alone"),
        ("groq/llama-3.3-70b-versatile", "tool"),
        ("gemini/gemini-2.5-flash", "schema_alone"),
        ("mistral/mistral-large-latest", "schema_alone"),
        ("xai/grok-4", "schema_alone"),
        ("ollama/llama3.2:3b", "schema_at_last"),
        ("vllm/Qwen/Qwen3-8B", "schema_at_last"),
        ("deepseek/deepseek-chat", "tool"),
        ("deepseek/deepseek-reasoner", "text"),
        ("deepseek/deepseek-v4-pro", "text"),
        ("together/meta-llama/Llama-3.3-70B-Instruct-Turbo", "tool"),
        ("together/deepseek-ai/DeepSeek-R1", "text"),
        ("openrouter/meta-llama/llama-4-scout", "tool"),
        ("openrouter/openai/o1-mini", "text"),
        ("anthropic/claude-sonnet-4-5", "tool"),
        ("anthropic/claude-opus-5", "text"),
    ],
)
def test_each_model_has_its_way(model: str, way: str) -> None:
    assert answer_way(endpoint(model)) == way


@pytest.mark.parametrize(
    ("model", "fields", "way"),
    [
        ("org/model:8b", {"base_url": "http://localhost:1234/v1"}, "lone_tool"),
        ("gpt-4o", {"base_url": "http://gateway.test/v1"}, "schema"),
        ("gpt-4", {"base_url": "http://gateway.test/v1"}, "tool"),
        ("azure/gpt-4o", {"api_version": "2024-06-01"}, "tool"),
        ("azure/gpt-4o", {"api_version": "2024-10-21"}, "schema"),
        ("anthropic/claude-sonnet-4-5", {"extra_body": {"thinking": {"type": "enabled"}}}, "text"),
        ("deepseek/deepseek-v4-pro", {"extra_body": {"thinking": {"type": "disabled"}}}, "tool"),
    ],
)
def test_where_it_stands_and_how_it_thinks_may_change_it(model: str, fields: dict[str, Any], way: str) -> None:
    assert answer_way(endpoint(model, **fields)) == way


# What is sent: without tools, beside tools, and when the answer is due


def test_a_schema_goes_beside_tools_where_that_is_fine() -> None:
    to = endpoint("gpt-4o-mini")
    assert sent(to) == {"response_format": FORMAT}
    assert sent(to, SEARCH) == {"tools": [SEARCH_ON_THE_WIRE], "response_format": FORMAT}
    for choice in ("required", "none"):
        due = {"tools": [SEARCH_ON_THE_WIRE], "tool_choice": "none", "response_format": FORMAT}
        assert sent(to, SEARCH, tool_choice=choice) == due


@pytest.mark.parametrize(
    "model", ["gemini/gemini-2.5-flash", "mistral/mistral-large-latest", "groq/openai/gpt-oss-20b"]
)
def test_a_schema_gives_way_to_a_tool_where_both_are_refused(model: str) -> None:
    to = endpoint(model)
    both = [SEARCH_ON_THE_WIRE, ANSWER_ON_THE_WIRE]
    assert sent(to) == {"response_format": FORMAT}
    assert sent(to, SEARCH) == {"tools": both}
    for choice in ("required", "none"):
        assert sent(to, SEARCH, tool_choice=choice) == {"tools": both, "tool_choice": FORCED}


def test_a_schema_waits_until_no_tool_may_be_called_where_it_would_prevent_that() -> None:
    to = endpoint("ollama/llama3.2")
    assert sent(to) == {"response_format": FORMAT}
    assert sent(to, SEARCH) == {"tools": [SEARCH_ON_THE_WIRE, ANSWER_ON_THE_WIRE]}
    for choice in ("required", "none"):
        due = {"tools": [SEARCH_ON_THE_WIRE], "tool_choice": "none", "response_format": FORMAT}
        assert sent(to, SEARCH, tool_choice=choice) == due


def test_a_tool_is_forced_when_the_answer_is_due() -> None:
    to = endpoint("gpt-4-turbo")
    both = [SEARCH_ON_THE_WIRE, ANSWER_ON_THE_WIRE]
    assert sent(to) == {"tools": [ANSWER_ON_THE_WIRE], "tool_choice": FORCED}
    assert sent(to, SEARCH) == {"tools": both}
    for choice in ("required", "none"):
        assert sent(to, SEARCH, tool_choice=choice) == {"tools": both, "tool_choice": FORCED}


def test_a_server_of_ones_own_is_asked_for_a_tool_in_one_word() -> None:
    to = endpoint("some-model", base_url="http://localhost:1234/v1")
    alone = {"tools": [ANSWER_ON_THE_WIRE], "tool_choice": "required"}
    assert sent(to) == alone
    assert sent(to, SEARCH) == {"tools": [SEARCH_ON_THE_WIRE, ANSWER_ON_THE_WIRE]}
    assert sent(to, SEARCH, tool_choice="none") == alone


def test_nothing_is_sent_to_a_model_that_has_neither() -> None:
    to = endpoint("o1-mini")
    assert sent(to) == {}
    assert sent(to, SEARCH) == {"tools": [SEARCH_ON_THE_WIRE]}
    assert sent(to, SEARCH, tool_choice="required") == {"tools": [SEARCH_ON_THE_WIRE], "tool_choice": "none"}


def test_groq_has_no_schema_in_a_stream() -> None:
    assert sent(endpoint("groq/openai/gpt-oss-20b"), stream=True) == {
        "tools": [ANSWER_ON_THE_WIRE],
        "tool_choice": FORCED,
    }
    assert sent(endpoint("gpt-4o"), stream=True) == {"response_format": FORMAT}


def test_what_cannot_be_said_strictly_is_a_schema_all_the_same() -> None:
    told = sent(endpoint("gpt-4o"), answer=answer_spec(Open))["response_format"]["json_schema"]
    assert (told["name"], told["strict"]) == ("Open", False)
    assert told["schema"] == json.loads(bytes(answer_spec(Open).schema))


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4", "o1-mini", "deepseek/deepseek-chat"])
def test_a_response_format_of_the_llms_own_yields_to_the_answers(model: str) -> None:
    other = endpoint(model, response_format={"type": "json_object"})
    assert sent(other) == sent(endpoint(model))
    assert sent(other, answer=None) == {"response_format": {"type": "json_object"}}
