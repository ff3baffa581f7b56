"""Where CrewAI keeps BaseAgent; here every agent is an Agent."""

from __future__ import annotations

from aiocrew import Agent as BaseAgent
from crewai._served import serve

__all__ = ["BaseAgent"]

serve(__name__)
