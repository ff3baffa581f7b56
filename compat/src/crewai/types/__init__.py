"""Where CrewAI keeps UsageMetrics."""

from __future__ import annotations

from crewai._served import serve

__all__: list[str] = []

serve(__name__)
