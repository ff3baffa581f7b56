"""Where CrewAI keeps BaseTool."""

from __future__ import annotations

from aiocrew import BaseTool, tool

__all__ = ["BaseTool", "tool"]
