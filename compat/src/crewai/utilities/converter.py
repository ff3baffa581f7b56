"""Where CrewAI keeps Converter."""

from __future__ import annotations

from aiocrew.agent.converter import Converter, ConverterError
from crewai._served import serve

__all__ = ["Converter", "ConverterError"]

serve(__name__)
