"""Where CrewAI kept the base of all events before it had crewai.events."""

from __future__ import annotations

from aiocrew.seeing.bus.base_event import BaseEvent
from crewai._served import serve

__all__ = ["BaseEvent"]

serve(__name__)
