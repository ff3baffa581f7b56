"""Where CrewAI keeps Process."""

from __future__ import annotations

from aiocrew import Process
from crewai._served import serve

__all__ = ["Process"]

serve(__name__)
