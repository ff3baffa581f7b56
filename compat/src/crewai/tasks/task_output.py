"""Where CrewAI keeps TaskOutput."""

from __future__ import annotations

from aiocrew import TaskOutput
from crewai._served import serve

__all__ = ["TaskOutput"]

serve(__name__)
