"""Where CrewAI keeps the events of calls of models."""

from __future__ import annotations

from aiocrew.seeing.bus.told import (
    LLMCallCompletedEvent,
    LLMCallFailedEvent,
    LLMCallStartedEvent,
    LLMCallType,
    LLMStreamChunkEvent,
)
from aiocrew.seeing.bus.untold import (
    ContextWindowSummarizationCompletedEvent,
    ContextWindowSummarizationFailedEvent,
    ContextWindowSummarizationStartedEvent,
    LLMThinkingChunkEvent,
)
from crewai._served import serve

__all__ = [
    "ContextWindowSummarizationCompletedEvent",
    "ContextWindowSummarizationFailedEvent",
    "ContextWindowSummarizationStartedEvent",
    "LLMCallCompletedEvent",
    "LLMCallFailedEvent",
    "LLMCallStartedEvent",
    "LLMCallType",
    "LLMStreamChunkEvent",
    "LLMThinkingChunkEvent",
]

serve(__name__)
