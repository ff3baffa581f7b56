"""Records as OpenAI's dicts, for models and callbacks that others wrote: the way back from `conversation`. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from aiocrew.types.messages import Message, System, ToolCall, ToolResult, ToolSpec, User

__all__ = ["dict_of_call", "dicts_of_messages", "dicts_of_tools"]


def dicts_of_messages(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Return `messages` as {"role", "content"}, with the calls and results of tools where there are some."""
    return [_dict_of_message(message) for message in messages]


def _dict_of_message(message: Message) -> dict[str, Any]:
    match message:
        case System(text=text):
            return {"role": "system", "content": text}
        case User(text=text):
            return {"role": "user", "content": text}
        case ToolResult(call_id=call_id, name=name, text=text):
            return {"role": "tool", "tool_call_id": call_id, "name": name, "content": text}
        case _:
            said: dict[str, Any] = {"role": "assistant", "content": message.text}
            return said | {"tool_calls": [dict_of_call(call) for call in message.calls]} if message.calls else said


def dict_of_call(call: ToolCall) -> dict[str, Any]:
    """Return a call as OpenAI's API has it."""
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def dicts_of_tools(tools: Iterable[ToolSpec]) -> list[dict[str, Any]]:
    """Return `tools` as {"type": "function", "function": {"name", "description", "parameters"}}."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": msgspec.json.decode(tool.parameters),
            },
        }
        for tool in tools
    ]
