"""Where CrewAI keeps the tools of delegation."""

from __future__ import annotations

from aiocrew.agent.delegation import AgentTools
from crewai._served import serve

__all__ = ["AgentTools"]

serve(__name__)
