"""Where CrewAI 0.80 keeps the events of tools."""

from __future__ import annotations

from aiocrew.seeing.bus.told import ToolUsageErrorEvent as ToolUsageError
from aiocrew.seeing.bus.told import ToolUsageEvent
from aiocrew.seeing.bus.told import ToolUsageFinishedEvent as ToolUsageFinished
from crewai._served import serve

__all__ = ["ToolUsageError", "ToolUsageEvent", "ToolUsageFinished"]

serve(__name__)
