"""What a step_callback is given, and what an agent leaves behind."""

from __future__ import annotations

from typing import Any

import msgspec
from pydantic import BaseModel

from aiocrew.types.messages import Message

__all__ = ["AgentAction", "AgentAnswer", "AgentFinish"]


class AgentAction(msgspec.Struct, frozen=True, gc=False):
    """A tool call that was carried out."""

    thought: str
    """What the model said beside the call."""
    tool: str
    tool_input: str
    """The arguments, as the model wrote them."""
    text: str
    result: str = ""


class AgentFinish(msgspec.Struct, frozen=True, gc=False):
    """The agent's answer."""

    thought: str
    output: str
    text: str
    """The whole reply that held the answer."""


class AgentAnswer(msgspec.Struct, frozen=True):
    """What one task got from its agent."""

    text: str
    tool_results: list[dict[str, Any]] = msgspec.field(default_factory=list[dict[str, Any]])
    value: BaseModel | None = None
    """What the text holds, where a form was asked for."""
    transcript: list[Message] = msgspec.field(default_factory=list[Message])
