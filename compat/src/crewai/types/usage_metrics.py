"""Where CrewAI keeps UsageMetrics."""

from __future__ import annotations

from aiocrew import UsageMetrics
from crewai._served import serve

__all__ = ["UsageMetrics"]

serve(__name__)
