"""Where CrewAI keeps AgentTools."""

from __future__ import annotations

from aiocrew.agent.delegation import AgentTools
from crewai._served import serve

__all__ = ["AgentTools"]

serve(__name__)
