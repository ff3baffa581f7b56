"""Where CrewAI keeps what a step_callback is given."""

from __future__ import annotations

from aiocrew import AgentAction, AgentFinish
from crewai._served import serve

__all__ = ["AgentAction", "AgentFinish"]

serve(__name__)
