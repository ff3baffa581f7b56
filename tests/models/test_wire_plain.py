"""The quick way of reading a reply gives what the tolerant one gives, or leaves it to that."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.errors import ProviderError
from aiocrew.models.wire_plain import decode_plain
from aiocrew.models.wire_reply import decode_reply

maybe_text = st.none() | st.text(max_size=5)
count = st.none() | st.integers(-2, 99) | st.just(1.5)
odd = st.none() | st.text(max_size=3) | st.integers() | st.just([]) | st.just({"a": 1})
function = st.fixed_dictionaries({"name": maybe_text, "arguments": maybe_text | odd})
call = st.fixed_dictionaries(
    {"id": maybe_text, "function": function | odd},
    optional={"type": st.just("function"), "index": st.integers(0, 3), "extra_content": odd},
)
message = st.fixed_dictionaries(
    {"content": maybe_text | odd},
    optional={
        "role": st.just("assistant"),
        "tool_calls": odd | st.lists(call | odd, max_size=3),
        "refusal": maybe_text,
        "annotations": odd,
        "function_call": st.none() | st.fixed_dictionaries({"name": st.text(), "arguments": st.text()}),
        "reasoning_content": odd,
    },
)
usage = st.fixed_dictionaries(
    {},
    optional={
        "prompt_tokens": count,
        "completion_tokens": count,
        "total_tokens": count,
        "cached_tokens": count,
        "reasoning_tokens": count,
        "cache_read_input_tokens": count,
        "prompt_tokens_details": st.none() | st.dictionaries(st.sampled_from(["cached_tokens", "x"]), count),
        "completion_tokens_details": st.none() | st.dictionaries(st.sampled_from(["reasoning_tokens", "x"]), count),
    },
)
reason = st.none() | st.sampled_from(["stop", "length", "tool_calls", "eos", "new"])
choice = st.fixed_dictionaries({}, optional={"message": message, "finish_reason": reason, "error": odd})
body = st.fixed_dictionaries(
    {"choices": st.lists(choice, max_size=2)},
    optional={
        "usage": st.none() | usage,
        "id": odd,
        "model": maybe_text,
        "object": st.sampled_from(["error", "x"]),
        "error": odd,
    },
)


@given(body)
def test_both_ways_read_the_same(value: dict[str, Any]) -> None:
    data = json.dumps(value).encode()
    plain = decode_plain(data)
    if plain is not None:
        assert plain == decode_reply(data, model="m")


@given(st.binary())
def test_any_bytes_are_left_to_the_tolerant_way(data: bytes) -> None:
    if decode_plain(data) is None:
        with pytest.raises(ProviderError):
            decode_reply(data, model="m")


def test_an_ordinary_reply_goes_the_quick_way() -> None:
    reply = decode_plain(
        b'{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"logprobs":null,"finish_reason":"stop",'
        b'"message":{"role":"assistant","content":"hi","refusal":null,"annotations":[]}}],"usage":{"prompt_tokens":3,'
        b'"completion_tokens":1,"total_tokens":4,"prompt_tokens_details":{"cached_tokens":2,"audio_tokens":0},'
        b'"completion_tokens_details":{"reasoning_tokens":0}},"service_tier":"default","system_fingerprint":"f"}'
    )
    assert reply is not None
    assert (reply.text, reply.id, reply.usage.cached_prompt_tokens) == ("hi", "c", 2)
