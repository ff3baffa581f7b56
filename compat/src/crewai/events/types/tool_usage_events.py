"""Where CrewAI keeps the events of tools."""

from __future__ import annotations

from aiocrew.seeing.bus.told import ToolUsageErrorEvent, ToolUsageEvent, ToolUsageFinishedEvent, ToolUsageStartedEvent
from aiocrew.seeing.bus.untold import (
    ToolExecutionErrorEvent,
    ToolFailureDetectedEvent,
    ToolSelectionErrorEvent,
    ToolValidateInputErrorEvent,
)
from crewai._served import serve

__all__ = [
    "ToolExecutionErrorEvent",
    "ToolFailureDetectedEvent",
    "ToolSelectionErrorEvent",
    "ToolUsageErrorEvent",
    "ToolUsageEvent",
    "ToolUsageFinishedEvent",
    "ToolUsageStartedEvent",
    "ToolValidateInputErrorEvent",
]

serve(__name__)
