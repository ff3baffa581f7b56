"""What a call may use at most: never less than any tokenizer counts."""

from __future__ import annotations

import unicodedata
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.models.bounds import limit_field, prompt_bound, reply_limit, request_bound
from aiocrew.models.endpoint import Endpoint
from aiocrew.models.wire_request import encode_request
from aiocrew.types.messages import AnswerSpec, Assistant, Request, System, ToolCall, ToolResult, ToolSpec, User

TEXTS = st.one_of(
    st.text(),
    st.text(alphabet=st.characters(categories=["Lo", "So", "Cs", "Mn", "Cc"])),
    st.sampled_from(["研究报告" * 50, "👩‍👩‍👧‍👦" * 20, "ﷺ" * 30, "\ud83d", "\x00\x1f", "ﬃ ½ ㍿", ""]),
)


def endpoint(provider: str = "openai") -> Endpoint:
    return Endpoint(provider=provider, model="m", label=f"{provider}/m", url="http://api.test")


def tool(description: str) -> ToolSpec:
    schema = {"type": "object", "properties": {"city": {"type": "string", "description": description}}}
    return ToolSpec("look_up", description, msgspec.Raw(msgspec.json.encode(schema)))


def transcript(text: str) -> Request:
    call = ToolCall("c1", "look_up", '{"city": "Bonn"}')
    return Request((System(text), User(text), Assistant(text, (call,)), ToolResult("c1", "look_up", text)))


def most_bytes(text: str) -> int:
    """What a tokenizer with a token for every byte counts, whether it normalizes the text first or not."""
    text = text.encode("utf-8", "replace").decode()
    return max(len(form.encode()) for form in (text, *(unicodedata.normalize(f, text) for f in ("NFC", "NFKC"))))


@given(TEXTS)
def test_a_prompt_has_no_more_tokens_than_its_bound_in_whatever_script(text: str) -> None:
    request = transcript(text)
    template = 8 * len(request.messages) + 100
    counted = 4 * most_bytes(text) + len('c1look_up{"city": "Bonn"}c1look_up') + template
    assert prompt_bound(endpoint(), encode_request(endpoint(), request, stream=False), has_tools=False) >= counted
    assert request_bound(request) >= counted


@given(TEXTS)
def test_tools_are_bounded_also_where_a_template_writes_them_as_ascii(description: str) -> None:
    spec = tool(description.encode("utf-8", "replace").decode())
    request = Request((User("Hello"),), (spec,))
    schema = msgspec.json.decode(bytes(spec.parameters))
    import json

    counted = len(json.dumps([spec.name, spec.description, schema], separators=(",", ":"))) + 530
    assert prompt_bound(endpoint(), encode_request(endpoint(), request, stream=False), has_tools=True) >= counted
    assert request_bound(request) >= counted


def form(description: str) -> AnswerSpec:
    spec = tool(description)
    return AnswerSpec("Answer", description, spec.parameters, spec.parameters)


@given(TEXTS, st.sampled_from(["gpt-4o", "gpt-4", "m"]))
def test_the_form_of_an_answer_is_bounded_like_tools(description: str, model: str) -> None:
    spec = form(description.encode("utf-8", "replace").decode())
    request = Request((User("Hello"),), answer=spec)
    schema = msgspec.json.decode(bytes(spec.schema))
    import json

    to = Endpoint(provider="openai", model=model, label="", url="http://api.test")
    counted = len(json.dumps([spec.name, spec.description, schema], separators=(",", ":"))) + 530
    assert prompt_bound(to, encode_request(to, request, stream=False), has_tools=False) >= counted
    assert request_bound(request) >= counted


def test_a_form_among_the_parameters_does_not_make_the_messages_dearer() -> None:
    strange = {"type": "json_schema", "json_schema": {"name": "研究"}}
    to = Endpoint(provider="openai", model="m", label="", url="", parameters={"response_format": strange})
    body = encode_request(to, Request((User("研究报告"),)), stream=False)
    assert prompt_bound(to, body, has_tools=False) == len(body) + 512 + 512 + 2 * 6


def test_plain_english_is_bounded_by_its_bytes_and_what_providers_add() -> None:
    body = encode_request(endpoint(), Request((User("Hello"),)), stream=False)
    assert prompt_bound(endpoint(), body, has_tools=False) == len(body) + 512
    assert prompt_bound(endpoint(), body, has_tools=True) == len(body) + 512 + 512
    assert prompt_bound(endpoint("anthropic"), body, has_tools=True) == len(body) + 512 + 1060


def test_a_text_that_speaks_of_tools_is_not_taken_for_them() -> None:
    body = encode_request(endpoint(), Request((User('研究 "tools":[ 研究'),), (tool("plain"),)), stream=False)
    without = body.replace("研究".encode(), b"------")
    assert prompt_bound(endpoint(), body, True) == prompt_bound(endpoint(), without, True)


@pytest.mark.parametrize(
    ("parameters", "limit"),
    [
        ({}, (None, 1)),
        ({"max_tokens": 100}, (100, 1)),
        ({"max_completion_tokens": 100, "n": 3}, (100, 3)),
        ({"max_tokens": 100, "max_completion_tokens": 200}, (200, 1)),
        ({"max_tokens": None, "n": None}, (None, 1)),
        ({"max_tokens": "100", "n": 0}, (None, 1)),
        ({"max_tokens": True, "n": True}, (None, 1)),
    ],
)
def test_the_limit_of_a_reply_is_read_from_what_is_sent(parameters: dict[str, Any], limit: object) -> None:
    assert reply_limit(parameters) == limit


@pytest.mark.parametrize(
    ("provider", "model", "field"),
    [
        ("openai", "gpt-4o-mini", "max_tokens"),
        ("openai", "o3-mini", "max_completion_tokens"),
        ("azure", "gpt-5", "max_completion_tokens"),
        ("openrouter", "openai/o3", "max_completion_tokens"),
        ("anthropic", "claude-sonnet-4-5", "max_tokens"),
        ("mistral", "mistral-large-latest", "max_tokens"),
        ("deepseek", "deepseek-reasoner", "max_tokens"),
        ("ollama", "llama3", "max_tokens"),
    ],
)
def test_the_limit_is_sent_under_the_name_that_the_model_knows(provider: str, model: str, field: str) -> None:
    assert limit_field(provider, model) == field
