"""Where CrewAI keeps the classes of its events."""

from __future__ import annotations

from crewai._served import serve

__all__: list[str] = []

serve(__name__)
