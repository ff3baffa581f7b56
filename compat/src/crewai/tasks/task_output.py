"""Where CrewAI keeps TaskOutput."""

from __future__ import annotations

from aiocrew import TaskOutput

__all__ = ["TaskOutput"]
