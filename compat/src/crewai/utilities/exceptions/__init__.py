"""Where CrewAI keeps the error of a text that is too long for the model."""

from __future__ import annotations

from crewai._served import serve

__all__: list[str] = []

serve(__name__)
