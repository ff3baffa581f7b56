"""Where CrewAI kept the events of an agent's plans before it had crewai.events."""

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
