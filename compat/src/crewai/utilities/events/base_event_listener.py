"""Where CrewAI kept the base of listeners before it had crewai.events."""

from __future__ import annotations

from aiocrew.seeing.bus.event_bus import BaseEventListener
from crewai._served import serve

__all__ = ["BaseEventListener"]

serve(__name__)
