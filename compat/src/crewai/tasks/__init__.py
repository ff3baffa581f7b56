"""Where CrewAI keeps a task's output."""

from __future__ import annotations

from aiocrew import OutputFormat, TaskOutput
from crewai._served import serve

__all__ = ["OutputFormat", "TaskOutput"]

serve(__name__)
