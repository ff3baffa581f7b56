"""Where CrewAI keeps the events of what is printed."""

from __future__ import annotations

from aiocrew.seeing.bus.untold import AgentLogsExecutionEvent, AgentLogsStartedEvent
from crewai._served import serve

__all__ = ["AgentLogsExecutionEvent", "AgentLogsStartedEvent"]

serve(__name__)
