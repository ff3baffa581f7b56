"""Streamed replies as servers really send them, cut anywhere."""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.errors import InvalidReplyError, OverloadedError
from aiocrew.models.endpoint import Endpoint
from aiocrew.models.wire import StreamReader, encode_request
from aiocrew.types.messages import Chunk, Reply, Request, ToolCall
from aiocrew.types.usage import Usage


def event(delta: dict[str, Any] | None, finish: str | None = None, **other: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return b"data: " + json.dumps({"model": "m-1", "choices": choices, **other}).encode() + b"\n\n"


def stream(*deltas: dict[str, Any], finish: str = "stop") -> bytes:
    return b"".join([*(event(delta) for delta in deltas), event({}, finish), b"data: [DONE]\n\n"])


def read(*pieces: bytes) -> tuple[Reply, list[str]]:
    reader = StreamReader("p/m-1")
    chunks = [chunk for piece in pieces for chunk in reader.feed(piece)]
    assert all(isinstance(chunk, Chunk) for chunk in chunks)
    return reader.finish(), [chunk.text for chunk in chunks]


def calls(*fragments: dict[str, Any]) -> list[tuple[str, str, str]]:
    reply, _ = read(stream(*({"tool_calls": [fragment]} for fragment in fragments), finish="tool_calls"))
    return [(call.id, call.name, call.arguments) for call in reply.calls]


def part(
    index: int | None = None, id_: str | None = None, name: str | None = None, arguments: Any = None
) -> dict[str, Any]:
    fragment: dict[str, Any] = {"function": {"name": name, "arguments": arguments}}
    return fragment | ({} if index is None else {"index": index}) | ({} if id_ is None else {"id": id_})


def test_text_and_usage_of_openai() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}}
    data = (
        event({"role": "assistant", "content": "", "refusal": None}, usage=None)
        + event({"content": "Hel"}, usage=None)
        + event({"content": "lo"}, usage=None)
        + event({}, "stop", usage=None)
        + event(None, usage=usage)
        + b"data: [DONE]\n\n"
    )
    assert read(data) == (Reply("Hello", usage=Usage(5, 2, 1), model="m-1"), ["Hel", "lo"])


def test_the_reply_has_the_providers_id_and_each_piece_that_came_with_it_too() -> None:
    reader = StreamReader("p/m-1")
    pieces = (event({"content": "a"}, id=""), event({"content": "b"}, id="c-1"), event({"content": "c"}, "stop", id=7))
    assert reader.feed(b"".join(pieces)) == [Chunk("a"), Chunk("b", "c-1"), Chunk("c", "c-1")]
    assert reader.finish().id == "c-1"


FRAGMENTED = stream(
    {"role": "assistant", "content": None, "reasoning_content": "let "},
    {"reasoning_content": "me \u00e9\U0001f600"},
    {"content": "I look. "},
    {"tool_calls": [part(0, "a", "search", "")]},
    {"tool_calls": [part(0, arguments='{"q"')]},
    {"tool_calls": [part(1, "b", "now", "{"), part(0, arguments=': "x"}')]},
    {"tool_calls": [part(1, arguments="}")]},
    finish="tool_calls",
)


@given(st.lists(st.integers(0, len(FRAGMENTED))), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_where_the_bytes_are_cut_makes_no_difference(cuts: list[int], end: bytes) -> None:
    data = b": keep-alive\n\n" + FRAGMENTED
    data = data.replace(b"\n", end)
    places = [0, *sorted(cuts), len(data)]
    reply, chunks = read(*(data[a:b] for a, b in pairwise(places)))
    assert (reply, chunks) == read(FRAGMENTED)
    assert reply.calls == (ToolCall("a", "search", '{"q": "x"}'), ToolCall("b", "now", "{}"))
    assert (reply.text, reply.finish_reason) == ("I look. ", "tool_calls")
    assert reply.opaque == {"reasoning_content": msgspec.Raw(json.dumps("let me é😀", ensure_ascii=False).encode())}


def test_every_cut_in_two() -> None:
    whole = read(FRAGMENTED)
    assert all(read(FRAGMENTED[:at], FRAGMENTED[at:]) == whole for at in range(len(FRAGMENTED)))
    assert read(*(bytes([byte]) for byte in FRAGMENTED)) == whole


def test_fragments_of_calls_in_every_dialect() -> None:
    two = [("a", "f", '{"x":1}'), ("b", "f", '{"x":2}')]
    # whole calls, no index
    assert calls(part(id_="a", name="f", arguments='{"x":1}'), part(id_="b", name="f", arguments='{"x":2}')) == two
    # several calls with index 0, each whole
    assert calls(part(0, "a", "f", '{"x":1}'), part(0, "b", "f", '{"x":2}')) == two
    # id and name said again with every fragment
    assert calls(part(0, "a", "f", '{"x"'), part(0, "a", "f", ":1}"), part(1, "b", "f", '{"x":2}')) == two
    # no index, id only at the beginning
    assert (
        calls(
            part(id_="a", name="f", arguments='{"x"'),
            part(arguments=":1}"),
            part(id_="b", name="f"),
            part(arguments='{"x":2}'),
        )
        == two
    )
    # a new id in every fragment, the name only in the first
    assert calls(part(0, "a", "f", '{"x"'), part(0, "zz", None, ":1}")) == two[:1]
    # neither id nor index
    assert calls(part(name="f", arguments='{"x":1}'), part(name="f", arguments='{"x":2}')) == [
        ("call-0", "f", '{"x":1}'),
        ("call-1", "f", '{"x":2}'),
    ]
    # an object for arguments, and none at all
    assert calls(part(0, "a", "f", {"x": 1}), part(1, "b", "g")) == [("a", "f", '{"x":1}'), ("b", "g", "{}")]


def test_the_form_before_tool_calls() -> None:
    data = stream({"function_call": {"name": "f", "arguments": '{"x"'}}, {"function_call": {"arguments": ":1}"}})
    assert read(data)[0].calls == (ToolCall("call-0", "f", '{"x":1}'),)


def test_opaque_pieces_are_put_together_and_go_back() -> None:
    reply, _ = read(
        stream(
            {
                "reasoning": "so ",
                "reasoning_details": [{"type": "reasoning.text", "index": 0, "text": "so ", "format": "f"}],
            },
            {
                "reasoning": "on",
                "reasoning_details": [{"type": "reasoning.text", "index": 0, "text": "on", "format": "f"}],
            },
            {"reasoning_details": [{"type": "reasoning.text", "index": 0, "signature": "sig"}]},
            {"reasoning_details": [{"type": "reasoning.encrypted", "index": 1, "data": "xyz"}]},
            {"tool_calls": [{**part(0, "a", "f", "{}"), "extra_content": {"google": {"thought_signature": "s"}}}]},
            {"content": "done"},
        )
    )
    endpoint = Endpoint(provider="openrouter", model="m", label="m", url="http://x")
    (message,) = json.loads(encode_request(endpoint, Request((reply.message(),)), stream=False))["messages"]
    assert message["reasoning"] == "so on"
    assert message["reasoning_details"] == [
        {"type": "reasoning.text", "index": 0, "text": "so on", "format": "f", "signature": "sig"},
        {"type": "reasoning.encrypted", "index": 1, "data": "xyz"},
    ]
    assert message["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "s"}}


def test_thinking_among_the_content_goes_back_as_parts() -> None:
    def thought(text: str) -> dict[str, Any]:
        return {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]}

    reply, chunks = read(stream({"content": ""}, thought("hm "), thought("so"), {"content": "An"}, {"content": "swer"}))
    assert (reply.text, chunks) == ("Answer", ["An", "swer"])
    assert json.loads(bytes(reply.opaque["content"])) == [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm so"}]},
        {"type": "text", "text": "Answer"},
    ]


def test_usage_of_groq_and_in_the_last_chunk() -> None:
    groq = {"usage": {"prompt_tokens": 3, "completion_tokens": 4}}
    assert read(event({"content": "x"}) + event({}, "stop", x_groq=groq))[0].usage == Usage(3, 4)
    mistral = event({"content": "x"}) + event({"content": ""}, "stop", usage=groq["usage"])
    assert read(mistral)[0].usage == Usage(3, 4)


def test_an_end_without_done_or_blank_line() -> None:
    assert read(event({"content": "x"}, "stop"))[0].text == "x"
    assert read(event({"content": "x"}) + b"data: [DONE]")[0].text == "x"
    assert read(stream({"content": "x"}) + event({"content": "after the end"}))[0].text == "x"


def test_a_server_that_does_not_stream() -> None:
    body = json.dumps({"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}, indent=1).encode()
    assert read(body[:20], body[20:]) == (Reply("x"), [])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "holds no event; it is empty"),
        (b"<html>oops</html>", "holds no event; it begins '<html>oops</html>'"),
        (event({"content": "x"}), "broke off before its end"),
        (event({"content": "x"}) + b"data: {oops\n\n", "holds an event that is not JSON"),
        (event({"content": "x"}) + b'data: {"choi', "holds an event that is not JSON"),
        (b"data: [DONE]\n\n", "ended without a reply"),
    ],
)
def test_what_is_no_whole_reply_says_why(data: bytes, says: str) -> None:
    with pytest.raises(InvalidReplyError, match=says):
        read(data)


def test_an_error_event() -> None:
    with pytest.raises(OverloadedError, match="overloaded"):
        read(event({"content": "x"}) + b'event: error\ndata: {"type": "overloaded_error", "message": "overloaded"}\n\n')


@given(
    st.lists(
        st.sampled_from(
            [stream({"content": "x"}), b"data: {", b'"a"', b"}\n\n", b"\xff", b"data: []\n\n", b"data: 3\r"]
        )
    )
)
def test_rubbish_gives_a_reply_or_an_error_of_ours(pieces: list[bytes]) -> None:
    with suppress(InvalidReplyError):
        read(*pieces)
