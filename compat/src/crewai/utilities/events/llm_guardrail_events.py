"""Where CrewAI kept the events of guardrails before it had crewai.events."""

from __future__ import annotations

from aiocrew.seeing.bus.told import LLMGuardrailCompletedEvent, LLMGuardrailStartedEvent
from crewai._served import serve

__all__ = ["LLMGuardrailCompletedEvent", "LLMGuardrailStartedEvent"]

serve(__name__)
