"""Where CrewAI keeps Task."""

from __future__ import annotations

from aiocrew import Task

__all__ = ["Task"]
