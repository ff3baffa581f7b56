"""Prompts, replies and results as the conventions' JSON. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, assert_never

from aiocrew.types.messages import Assistant, FinishReason, Message, System, ToolCall, ToolResult, ToolSpec, User

__all__ = ["definitions", "inputs_as_message", "instructions", "messages", "output", "without_instructions"]

_FINISH: Mapping[FinishReason, str] = {"tool_calls": "tool_call"}
"""Where the JSON of messages says it otherwise."""


def messages(said: Iterable[Message]) -> str:
    """Return a transcript as `gen_ai.input.messages`."""
    return _encoded([_message(message) for message in said])


def instructions(said: Iterable[Message]) -> str:
    """Return a transcript's system messages as `gen_ai.system_instructions`."""
    return _encoded([_text(message.text) for message in said if isinstance(message, System)])


def without_instructions(said: Iterable[Message]) -> list[Message]:
    """Return a transcript's other messages."""
    return [message for message in said if not isinstance(message, System)]


def output(text: str, calls: tuple[ToolCall, ...] = (), finish_reason: FinishReason = "stop") -> str:
    """Return a reply as `gen_ai.output.messages`."""
    said = _message(Assistant(text, calls))
    return _encoded([{**said, "finish_reason": _FINISH.get(finish_reason, finish_reason)}])


def inputs_as_message(inputs: Mapping[str, Any]) -> str:
    """Return the inputs of a run as `gen_ai.input.messages`."""
    try:
        shown = json.dumps(dict(inputs), default=_shown, ensure_ascii=False, skipkeys=True)
    except (RecursionError, ValueError):  # it holds itself, or is too deep
        shown = json.dumps({name: _shown(value) for name, value in inputs.items()}, ensure_ascii=False)
    return messages([User(shown)])


def definitions(tools: Iterable[ToolSpec]) -> str:
    """Return tools as `gen_ai.tool.definitions`, without the parts that the convention leaves out of spans."""
    return _encoded([{"type": "function", "name": tool.name} for tool in tools])


def _message(message: Message) -> dict[str, Any]:
    match message:
        case System(text=text):
            return {"role": "system", "parts": [_text(text)]}
        case User(text=text):
            return {"role": "user", "parts": [_text(text)]}
        case Assistant(text=text, calls=calls):
            parts = [_text(text)] if text else []
            return {"role": "assistant", "parts": [*parts, *(_call(call) for call in calls)]}
        case ToolResult(call_id=call_id, text=text):
            return {"role": "tool", "parts": [{"type": "tool_call_response", "id": call_id, "response": text}]}
        case _:
            assert_never(message)


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "content": text}


def _call(call: ToolCall) -> dict[str, Any]:
    try:
        arguments: Any = json.loads(call.arguments)
    except ValueError:
        arguments = call.arguments  # as the model wrote it, valid or not
    return {"type": "tool_call", "id": call.id, "name": call.name, "arguments": arguments}


def _encoded(value: object) -> str:
    # In ASCII, so that halves of surrogate pairs are escaped.
    return json.dumps(value)


def _shown(value: Any) -> str:
    return f"<{type(value).__name__}>"  # a user's object: its repr may fail, or be of any length
