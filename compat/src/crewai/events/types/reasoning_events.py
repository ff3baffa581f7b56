"""Where CrewAI keeps the events of an agent's plans."""

from __future__ import annotations

from aiocrew.seeing.bus.untold import (
    AgentReasoningCompletedEvent,
    AgentReasoningFailedEvent,
    AgentReasoningStartedEvent,
    ReasoningEvent,
)
from crewai._served import serve

__all__ = ["AgentReasoningCompletedEvent", "AgentReasoningFailedEvent", "AgentReasoningStartedEvent", "ReasoningEvent"]

serve(__name__)
