"""Where CrewAI keeps CrewOutput."""

from __future__ import annotations

from aiocrew import CrewOutput

__all__ = ["CrewOutput"]
