"""Where CrewAI keeps the base of all tools."""

from __future__ import annotations

from aiocrew import BaseTool, tool
from crewai._served import serve

__all__ = ["BaseTool", "tool"]

serve(__name__)
