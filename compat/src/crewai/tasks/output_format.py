"""Where CrewAI keeps OutputFormat."""

from __future__ import annotations

from aiocrew import OutputFormat
from crewai._served import serve

__all__ = ["OutputFormat"]

serve(__name__)
