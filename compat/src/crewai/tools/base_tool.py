"""Where CrewAI keeps BaseTool."""

from __future__ import annotations

from aiocrew import BaseTool, Tool, tool
from crewai._served import serve

__all__ = ["BaseTool", "Tool", "tool"]

serve(__name__)
