"""Where CrewAI keeps CrewBase."""

from __future__ import annotations

from aiocrew.project import CrewBase
from crewai._served import serve

__all__ = ["CrewBase"]

serve(__name__)
