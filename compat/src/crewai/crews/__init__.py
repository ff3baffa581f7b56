"""Where CrewAI keeps a crew's output."""

from __future__ import annotations

from aiocrew import CrewOutput

__all__ = ["CrewOutput"]
