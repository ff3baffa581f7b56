"""Where CrewAI keeps Agent."""

from __future__ import annotations

from aiocrew import Agent
from crewai._served import serve

__all__ = ["Agent"]

serve(__name__)
