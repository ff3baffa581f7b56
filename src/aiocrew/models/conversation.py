"""Messages and tools as OpenAI's dicts (what LLM.call takes), turned into records. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from aiocrew.errors import BlueprintError
from aiocrew.models.json_values import as_fields, as_items, as_text
from aiocrew.types.messages import Assistant, Message, System, ToolCall, ToolResult, ToolSpec, User

__all__ = ["messages_from", "tools_from"]


def messages_from(messages: str | Sequence[Message | Mapping[str, Any]]) -> tuple[Message, ...]:
    """Return the records for a prompt or a list of {"role", "content"}; BlueprintError for what is neither."""
    if isinstance(messages, str):
        return (User(messages),)
    return tuple(_message(message) for message in messages)


def _message(message: Message | Mapping[str, Any]) -> Message:
    if isinstance(message, System | User | Assistant | ToolResult):
        return message
    if not isinstance(message, dict):
        raise BlueprintError(f"a message must be a dict with 'role' and 'content', not {type(message).__name__}")
    fields = as_fields(message)
    text = _text(fields.get("content"))
    match fields.get("role"):
        case "user":
            return User(text)
        case "system" | "developer":
            return System(text)
        case "assistant":
            return Assistant(text, tuple(_call(as_fields(call)) for call in as_items(fields.get("tool_calls"))))
        case "tool":
            return ToolResult(as_text(fields.get("tool_call_id")), as_text(fields.get("name")), text)
        case role:
            raise BlueprintError(f"a message's role must be user, system, assistant or tool, not {role!r}")


def _text(content: Any) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    parts = [as_fields(part) for part in as_items(content)]
    if not parts or any(part.get("type") != "text" for part in parts):
        raise BlueprintError("a message's content must be text: aiocrew does not send images, audio or files yet")
    return "".join(as_text(part.get("text")) for part in parts)


def _call(call: Mapping[str, Any]) -> ToolCall:
    function = as_fields(call.get("function"))
    return ToolCall(as_text(call.get("id")), as_text(function.get("name")), as_text(function.get("arguments")) or "{}")


def tools_from(tools: Sequence[ToolSpec | Mapping[str, Any]] | None) -> tuple[ToolSpec, ...]:
    """Return the records for a list of {"type": "function", "function": {...}}; BlueprintError for anything else."""
    return tuple(_tool(tool) for tool in tools or ())


def _tool(tool: ToolSpec | Mapping[str, Any]) -> ToolSpec:
    if isinstance(tool, ToolSpec):
        return tool
    fields = as_fields(as_fields(cast("Any", tool)).get("function"))
    name = as_text(fields.get("name"))
    if not name:
        raise BlueprintError("a tool for LLM.call must be {'type': 'function', 'function': {'name': ..., ...}}")
    parameters = as_fields(fields.get("parameters")) or {"type": "object"}
    return ToolSpec(name, as_text(fields.get("description")), msgspec.Raw(msgspec.json.encode(parameters)))
