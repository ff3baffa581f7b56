"""The commonest reply, read in one go: nothing unusual in it. Pure.

Most replies are plain, and reading them as typed records takes a quarter of the time that the tolerant reader needs.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from aiocrew.models.wire_reply import finish_reason, reply_tokens, unique_ids
from aiocrew.types.messages import Reply, ToolCall
from aiocrew.types.usage import Usage

__all__ = ["decode_plain"]


class _Function(msgspec.Struct):
    name: Annotated[str, msgspec.Meta(min_length=1)]
    arguments: str


class _Call(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    function: _Function
    type: str = "function"
    index: int | None = None


class _Message(msgspec.Struct, forbid_unknown_fields=True):
    role: str = "assistant"
    content: str | None = None
    tool_calls: list[_Call] | None = None
    refusal: str | None = None
    annotations: Any = None
    function_call: None = None
    audio: None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None
    error: None = None


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: None = None
    cache_creation_tokens: None = None


class _CompletionDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None
    prompt_cache_hit_tokens: None = None
    cache_read_input_tokens: None = None
    cached_tokens: None = None
    cache_creation_input_tokens: None = None
    reasoning_tokens: None = None


class _Body(msgspec.Struct):
    choices: list[_Choice]
    usage: _Usage
    id: str | None = None
    model: str = ""
    object: str = ""
    error: None = None


_decoder = msgspec.json.Decoder(_Body)


def decode_plain(data: bytes) -> Reply | None:
    """Return the reply if it is a plain one: text or tool calls, and OpenAI's own fields. None for any other."""
    try:
        body = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not body.choices or body.object == "error":
        return None
    choice = body.choices[0]
    message = choice.message
    calls: tuple[ToolCall, ...] = ()
    if message.tool_calls:
        calls = unique_ids(
            [ToolCall(call.id, call.function.name, call.function.arguments or "{}") for call in message.tool_calls]
        )
    return Reply(
        text=message.content or "",
        calls=calls,
        usage=_usage(body.usage),
        finish_reason=finish_reason(choice.finish_reason, calls),
        refusal=message.refusal or "",
        model=body.model,
        id=body.id or "",
    )


def _usage(usage: _Usage) -> Usage:
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    prompt_tokens, completion_tokens = max(usage.prompt_tokens, 0), max(usage.completion_tokens, 0)
    reasoning_tokens = max((completion and completion.reasoning_tokens) or 0, 0)
    if reasoning_tokens:
        total_tokens = max(usage.total_tokens or 0, 0)
        completion_tokens = reply_tokens(prompt_tokens, completion_tokens, reasoning_tokens, total_tokens)
    return Usage(
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        cached_prompt_tokens=max((prompt and prompt.cached_tokens) or 0, 0),
        reasoning_tokens=reasoning_tokens,
    )
