"""Where CrewAI keeps the events of guardrails."""

from __future__ import annotations

from aiocrew.seeing.bus.told import LLMGuardrailCompletedEvent, LLMGuardrailStartedEvent
from crewai._served import serve

__all__ = ["LLMGuardrailCompletedEvent", "LLMGuardrailStartedEvent"]

serve(__name__)
