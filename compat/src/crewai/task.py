"""Where CrewAI keeps Task."""

from __future__ import annotations

from aiocrew import Task
from crewai._served import serve

__all__ = ["Task"]

serve(__name__)
