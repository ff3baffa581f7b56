"""What models that others wrote give back, as a Reply. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec
from pydantic import BaseModel

from aiocrew.models.json_values import as_fields, as_items, as_text
from aiocrew.types.messages import FinishReason, Opaque, Reply, ToolCall
from aiocrew.types.usage import Usage

__all__ = ["PARTS", "reply_from"]

PARTS = "parts"
"""Under this name a reply keeps what its content held beside text: thoughts and their signatures."""

_MARKS = ("tool_calls", "response_metadata", "usage_metadata", "additional_kwargs")
"""One of these tells LangChain's message from a pydantic object that happens to have a content."""
_NOT_KEPT = frozenset({"text", "output_text", "tool_use", "tool_call", "function_call", "input_json_delta"})
"""Parts of a content that stand elsewhere in a reply."""
_FINISH: Mapping[str, FinishReason] = {
    "": "stop",
    "stop": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "content_filter": "content_filter",
    "safety": "content_filter",
}


def reply_from(value: Any) -> Reply:
    """Return the Reply for a text, a list of tool calls as some provider has them, or a message of LangChain's.

    Of a pydantic object it is the JSON, of anything else the text.
    """
    if isinstance(value, Reply):
        return value
    if value is None or isinstance(value, str):
        return Reply(value or "")
    if isinstance(value, list | tuple):
        calls = _calls(cast("list[Any]", value))
        if calls:
            return Reply("", calls, finish_reason="tool_calls")
    if _is_message(value):
        return _from_message(value)
    return Reply(value.model_dump_json() if isinstance(value, BaseModel) else str(cast("Any", value)))


def _is_message(value: Any) -> bool:
    if not hasattr(value, "content"):
        return False
    return not isinstance(value, BaseModel) or any(hasattr(value, mark) for mark in _MARKS)


def _from_message(message: Any) -> Reply:
    said, more = as_fields(_of(message, "response_metadata")), as_fields(_of(message, "additional_kwargs"))
    calls = _calls([*as_items(_of(message, "tool_calls")), *as_items(_of(message, "invalid_tool_calls"))])
    reason = as_text(said.get("finish_reason") or said.get("stop_reason") or said.get("done_reason")).lower()
    content = message.content
    return Reply(
        content if isinstance(content, str) else "".join(_texts(content)),
        calls or (),
        _usage(message, said),
        "tool_calls" if calls and not reason else _FINISH.get(reason, "other"),
        as_text(more.get("refusal")),
        as_text(said.get("model_name") or said.get("model")),
        _parts(content),
        as_text(said.get("id")),
    )


def _texts(content: Any) -> Iterable[str]:
    for part in as_items(content):
        if isinstance(part, str):
            yield part
        elif as_fields(part).get("type") in ("text", "output_text"):
            yield as_text(as_fields(part).get("text"))


def _parts(content: Any) -> Opaque:
    kept = [part for part in as_items(content) if as_fields(part).get("type", "text") not in _NOT_KEPT]
    if not kept:
        return {}
    try:
        return {PARTS: msgspec.Raw(msgspec.json.encode(kept))}
    except (TypeError, ValueError):  # what is no JSON can go back to nobody
        return {}


def _usage(message: Any, said: Mapping[str, Any]) -> Usage:
    usage = as_fields(_of(message, "usage_metadata"))
    if not usage:  # LangChain before 0.2 left it as OpenAI says it
        old = as_fields(said.get("token_usage"))
        return Usage(_count(old.get("prompt_tokens")), _count(old.get("completion_tokens")))
    prompt, completion = as_fields(usage.get("input_token_details")), as_fields(usage.get("output_token_details"))
    return Usage(
        prompt_tokens=_count(usage.get("input_tokens")),
        completion_tokens=_count(usage.get("output_tokens")),
        cached_prompt_tokens=_count(prompt.get("cache_read")),
        cache_creation_tokens=_count(prompt.get("cache_creation")),
        reasoning_tokens=_count(completion.get("reasoning")),
    )


def _count(value: Any) -> int:
    return max(0, value) if type(value) is int else 0


def _calls(items: Iterable[Any]) -> tuple[ToolCall, ...] | None:
    """Return the calls that all of `items` are; None where one is none."""
    calls: list[ToolCall] = []
    for number, item in enumerate(items):
        call = _call(item, number)
        if call is None:
            return None
        calls.append(call)
    return tuple(calls)


def _call(item: Any, number: int) -> ToolCall | None:
    """Return the call that `item` is: in OpenAI's form, Anthropic's, Bedrock's, Gemini's or LangChain's, or None."""
    if isinstance(item, ToolCall):
        return item
    inner = _of(item, "function") or _of(item, "function_call") or item
    name = _of(inner, "name")
    given = (_of(inner, field) for field in ("arguments", "args", "input"))
    arguments = next((value for value in given if value is not None), None)
    if not isinstance(name, str) or not name or (inner is item and arguments is None):
        return None
    identity = next((value for field in ("call_id", "id", "toolUseId") if (value := _of(item, field))), None)
    return ToolCall(identity if isinstance(identity, str) else f"call-{number}", name, _as_json(arguments))


def _as_json(arguments: Any) -> str:
    if arguments is None or isinstance(arguments, str):
        return arguments or "{}"
    fields = dict(cast("Mapping[str, Any]", arguments)) if isinstance(arguments, Mapping) else arguments
    return msgspec.json.encode(fields, enc_hook=str).decode()


def _of(thing: Any, name: str) -> Any:
    return as_fields(thing).get(name) if isinstance(thing, dict) else getattr(thing, name, None)
