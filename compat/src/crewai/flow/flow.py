"""Where CrewAI keeps Flow and its decorators."""

from __future__ import annotations

from aiocrew.flow import Flow, FlowState, and_, listen, or_, router, start
from crewai._served import serve

__all__ = ["Flow", "FlowState", "and_", "listen", "or_", "router", "start"]

serve(__name__)
