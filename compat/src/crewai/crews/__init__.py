"""Where CrewAI keeps a crew's output."""

from __future__ import annotations

from aiocrew import CrewOutput
from crewai._served import serve

__all__ = ["CrewOutput"]

serve(__name__)
