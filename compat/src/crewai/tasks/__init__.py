"""Where CrewAI keeps a task's output."""

from __future__ import annotations

from aiocrew import TaskOutput

__all__ = ["TaskOutput"]
