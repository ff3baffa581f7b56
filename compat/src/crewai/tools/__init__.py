"""Where CrewAI keeps the base of all tools."""

from __future__ import annotations

from aiocrew import BaseTool, tool

__all__ = ["BaseTool", "tool"]
