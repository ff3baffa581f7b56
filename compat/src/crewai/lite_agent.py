"""Where CrewAI keeps LiteAgentOutput."""

from __future__ import annotations

from aiocrew.types.outputs import LiteAgentOutput
from crewai._served import serve

__all__ = ["LiteAgentOutput"]

serve(__name__)
