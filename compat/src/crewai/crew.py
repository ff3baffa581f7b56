"""Where CrewAI keeps Crew."""

from __future__ import annotations

from aiocrew import Crew
from crewai._served import serve

__all__ = ["Crew"]

serve(__name__)
