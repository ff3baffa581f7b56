"""The chat-completions wire: what is sent, what is read, and that nothing opaque is lost between the two."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.errors import (
    AuthenticationError,
    BadRequestError,
    ContextTooLongError,
    InvalidReplyError,
    OverloadedError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
)
from aiocrew.models.endpoint import Endpoint
from aiocrew.models.wire import StreamReader, decode_reply, encode_request
from aiocrew.types.messages import Assistant, Reply, Request, System, ToolCall, ToolResult, ToolSpec, User
from aiocrew.types.usage import Usage

SEARCH = ToolSpec("search", "Search the web", msgspec.Raw(b'{"type":"object","properties":{"q":{"type":"string"}}}'))


def endpoint(provider: str = "openai", **parameters: Any) -> Endpoint:
    return Endpoint(
        provider=provider, model="m-1", label="p/m-1", url="http://x/chat/completions", parameters=parameters
    )


def sent(request: Request, *, stream: bool = False, to: Endpoint | None = None) -> dict[str, Any]:
    return json.loads(encode_request(to or endpoint(), request, stream=stream))


def body(message: dict[str, Any] | None = None, **other: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": "hi", **(message or {})}, "finish_reason": "stop"}
    return json.dumps(
        {"id": "c", "object": "chat.completion", "model": "m-1-2026", "choices": [choice], **other}
    ).encode()


def read(message: dict[str, Any] | None = None, **other: Any) -> Reply:
    return decode_reply(body(message, **other), model="p/m-1")


# What is sent


def test_a_request_with_everything() -> None:
    call = ToolCall("c1", "search", '{"q":"x"}')
    request = Request(
        (System("be brief"), User("go"), Assistant("", (call,)), ToolResult("c1", "search", "found")),
        (SEARCH,),
        "required",
    )
    assert sent(request, to=endpoint(temperature=0.5, seed=7)) == {
        "model": "m-1",
        "temperature": 0.5,
        "seed": 7,
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "go"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "search", "arguments": '{"q":"x"}'}}
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "found"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "search",
                    "description": "Search the web",
                    "parameters": {"type": "object", "properties": {"q": {"type": "string"}}},
                },
            }
        ],
        "tool_choice": "required",
    }


def test_usage_is_asked_for_in_a_stream_unless_the_provider_refuses_that() -> None:
    request = Request((User("go"),))
    assert sent(request, stream=True)["stream_options"] == {"include_usage": True}
    assert sent(request, stream=True, to=endpoint(stream_options={"a": 1}))["stream_options"] == {"a": 1}
    to_mistral = sent(request, stream=True, to=endpoint("mistral"))
    assert to_mistral["stream"] is True
    assert "stream_options" not in to_mistral


@pytest.mark.parametrize(
    ("arguments", "sent_as"),
    [
        ('{"q": 1}', {"q": 1}),
        ("", {}),
        ('{"q": ', {"unreadable_arguments": '{"q": '}),
        ("[1]", {"unreadable_arguments": "[1]"}),
    ],
)
def test_arguments_go_back_as_one_json_object(arguments: str, sent_as: dict[str, Any]) -> None:
    message = sent(Request((Assistant("", (ToolCall("c", "t", arguments),)),)))["messages"][0]
    assert json.loads(message["tool_calls"][0]["function"]["arguments"]) == sent_as


def test_half_a_surrogate_pair_does_not_stop_a_request() -> None:
    request = Request((User("file \udcff.txt"), Assistant("", (ToolCall("c", "t", '{"a": "\ud800"}'),))))
    assert sent(request)["messages"][0] == {"role": "user", "content": "file ?.txt"}


def test_a_provider_gets_no_field_back_that_it_refuses() -> None:
    request = Request((Assistant("hi", (), {"reasoning": msgspec.Raw(b'"because"'), "extra": msgspec.Raw(b"1")}),))
    assert sent(request, to=endpoint("groq"))["messages"] == [{"role": "assistant", "content": "hi", "extra": 1}]
    assert sent(request, to=endpoint("openrouter"))["messages"][0]["reasoning"] == "because"


# What is read


def test_a_reply_of_openai() -> None:
    usage = {
        "prompt_tokens": 20,
        "completion_tokens": 9,
        "total_tokens": 29,
        "prompt_tokens_details": {"cached_tokens": 16, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 4, "accepted_prediction_tokens": 0},
    }
    reply = read({"refusal": None, "annotations": []}, usage=usage)
    assert reply == Reply("hi", usage=Usage(20, 9, 16, 0, 4), finish_reason="stop", model="m-1-2026", id="c")


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, Usage()),
        ({"prompt_tokens": 7, "completion_tokens": None, "prompt_cache_hit_tokens": 3}, Usage(7, 0, 3)),
        ({"prompt_tokens": 7.0, "cache_read_input_tokens": 2, "cache_creation_input_tokens": 4}, Usage(7, 0, 2, 4)),
        ({"prompt_tokens": "many", "prompt_tokens_details": None}, Usage()),
        # xAI: the total is the sum of the three.
        (
            {
                "prompt_tokens": 32,
                "completion_tokens": 9,
                "total_tokens": 135,
                "completion_tokens_details": {"reasoning_tokens": 94},
            },
            Usage(32, 103, 0, 0, 94),
        ),
    ],
)
def test_usage_in_every_spelling(usage: Any, expected: Usage) -> None:
    assert read(usage=usage).usage == expected


def test_calls_as_servers_really_send_them() -> None:
    reply = read(
        {
            "content": None,
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "search", "arguments": '{"q":1}'}},
                {"type": "function", "index": 1, "function": {"name": "search", "arguments": {"q": 2}}},
                {"id": "a", "function": {"name": "now", "arguments": ""}},
            ],
        }
    )
    calls = [(call.id, call.name, call.arguments) for call in reply.calls]
    assert calls == [("a", "search", '{"q":1}'), ("call-1", "search", '{"q": 2}'), ("a-2", "now", "{}")]
    assert (reply.text, reply.finish_reason) == ("", "tool_calls")
    legacy = read({"content": None, "function_call": {"name": "search", "arguments": "{}"}})
    assert legacy.calls == (ToolCall("call-0", "search", "{}"),)


@pytest.mark.parametrize(
    "calls", [{}, [], [None], "none", 3, [{"id": "a", "function": None}], [{"id": "a"}], [{"function": 3}], [[]]]
)
def test_calls_that_are_none_leave_the_text(calls: Any) -> None:
    reply = read({"tool_calls": calls, "function_call": []})
    assert (reply.text, reply.calls, reply.finish_reason) == ("hi", (), "stop")
    streamed = StreamReader("m")
    streamed.feed(b"data: " + body({"tool_calls": calls}) + b"\n\n")
    assert (streamed.finish().text, streamed.finish().calls) == ("hi", ())


def test_a_call_beside_ones_that_are_none_is_kept() -> None:
    reply = read({"tool_calls": [None, {"id": "a", "function": {"name": "now", "arguments": None}}, {"function": {}}]})
    assert reply.calls == (ToolCall("a", "now", "{}"),)


@pytest.mark.parametrize("message", [{}, {"message": None}])
def test_a_choice_that_ended_without_a_message_is_an_empty_reply(message: dict[str, Any]) -> None:
    data = {"choices": [{"index": 0, "finish_reason": "content_filter", **message}], "usage": {"prompt_tokens": 4}}
    reply = decode_reply(json.dumps(data).encode(), model="m")
    assert reply == Reply("", usage=Usage(4), finish_reason="content_filter")


def test_content_in_parts_and_refusals() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert read({"content": parts}) == Reply("ab", model="m-1-2026", id="c")
    assert read({"content": [{"type": "refusal", "refusal": "no"}]}).refusal == "no"
    assert read({"content": None, "refusal": "no"}).refusal == "no"
    thinking = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "b"}]
    reply = read({"content": thinking})
    assert reply.text == "b"
    assert sent(Request((reply.message(),)))["messages"] == [{"role": "assistant", "content": thinking}]


@pytest.mark.parametrize(
    ("said", "known"), [("length", "length"), ("content_filter", "content_filter"), ("new", "other"), (None, "stop")]
)
def test_finish_reasons(said: str | None, known: str) -> None:
    raw = json.loads(body())
    raw["choices"][0]["finish_reason"] = said
    assert decode_reply(json.dumps(raw).encode(), model="m").finish_reason == known


def test_a_reply_with_broken_characters_is_still_read() -> None:
    assert decode_reply(body().replace(b'"hi"', b'"a \\ud83d b \\ud83d\\ude00"'), model="m").text == "a ? b \U0001f600"
    assert decode_reply(b"\xef\xbb\xbf" + body().replace(b'"hi"', b'"\xff"'), model="m").text == "\ufffd"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"<html>502</html>", "is not JSON; it begins '<html>502</html>'"),
        (b"", "is not JSON; it is empty"),
        (b'{"choices": []}', "has no choices"),
        (b'{"choices": [{}]}', "has no message"),
        (b'{"choices": [{"message": 3}]}', "is malformed"),
        (b'{"choices": [{"finish_reason": null}]}', "has no message"),
        (b'{"error": ' + b"[" * 100_000, "is not JSON"),
        (b"[]", "has no choices"),
    ],
)
def test_what_is_no_reply_says_why(data: bytes, says: str) -> None:
    with pytest.raises(InvalidReplyError) as caught:
        decode_reply(data, model="p/m-1")
    assert says in str(caught.value)
    assert caught.value.model == "p/m-1"


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        ({"message": "slow down", "code": 429}, RateLimitError, 429),
        ({"message": "no money", "code": 402}, QuotaExceededError, 402),
        ({"message": "bad key", "code": "401"}, AuthenticationError, 401),
        ({"message": "too long", "code": "context_length_exceeded"}, ContextTooLongError, None),
        ({"message": "This endpoint's maximum context length is 8", "code": 400}, ContextTooLongError, 400),
        ({"message": "no", "type": "invalid_request_error", "code": None}, BadRequestError, None),
        ({"message": "The server had an error", "type": "server_error"}, OverloadedError, None),
        ("just words", OverloadedError, None),
    ],
)
def test_an_error_under_status_200(error: Any, kind: type[ProviderError], status: int | None) -> None:
    said = error["message"] if isinstance(error, dict) else error
    stream = f"data: {json.dumps({'error': error})}\n\n".encode()
    for act in (
        lambda: decode_reply(json.dumps({"error": error}).encode(), model="m"),
        lambda: decode_reply(json.dumps([{"error": error}]).encode(), model="m"),
        lambda: decode_reply(json.dumps({"choices": [{"error": error, "finish_reason": "error"}]}).encode(), model="m"),
        lambda: StreamReader("m").feed(stream),
    ):
        with pytest.raises(kind) as caught:
            act()
        assert type(caught.value) is kind
        assert said in str(caught.value)
        assert caught.value.status == status


JSON = st.recursive(
    st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text() | st.booleans(),
    lambda inner: st.lists(inner, min_size=1) | st.dictionaries(st.text(), inner, min_size=1),
    max_leaves=8,
)
OPAQUE = st.dictionaries(
    st.sampled_from(["reasoning_content", "reasoning_details", "x", "extra_content"]), JSON, min_size=1
)


@given(OPAQUE, OPAQUE)
def test_opaque_fields_go_back_unchanged(of_message: dict[str, Any], of_call: dict[str, Any]) -> None:
    of_message, of_call = ({n: v for n, v in fields.items() if v != ""} for fields in (of_message, of_call))
    call = {"id": "c", "type": "function", "function": {"name": "t", "arguments": "{}"}, **of_call}
    reply = read({**of_message, "content": "hi", "tool_calls": [call]})
    assert sent(Request((reply.message(),)))["messages"] == [
        {"role": "assistant", "content": "hi", "tool_calls": [call], **of_message}
    ]


@given(st.text(), st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_passes(asked: str, answered: str) -> None:
    said = sent(Request((User(asked),)))["messages"][0]["content"]
    assert said == asked.encode("utf-8", "replace").decode()
    assert read({"content": answered}).text == answered
