"""Where CrewAI keeps LLM."""

from __future__ import annotations

from aiocrew import LLM
from crewai._served import serve

__all__ = ["LLM"]

serve(__name__)
