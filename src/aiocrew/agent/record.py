"""What a step_callback is given, and what an agent leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["AgentAction", "AgentAnswer", "AgentFinish"]


@dataclass(frozen=True, slots=True)
class AgentAction:
    """A tool call that was carried out."""

    thought: str
    """What the model said beside the call."""
    tool: str
    tool_input: str
    """The arguments, as the model wrote them."""
    text: str
    result: str


@dataclass(frozen=True, slots=True)
class AgentFinish:
    """The agent's answer."""

    thought: str
    output: str
    text: str
    """The whole reply that held the answer."""


@dataclass(frozen=True, slots=True)
class AgentAnswer:
    """What one task got from its agent."""

    text: str
    tool_results: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
