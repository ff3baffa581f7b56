"""Where CrewAI keeps Crew."""

from __future__ import annotations

from aiocrew import Crew

__all__ = ["Crew"]
