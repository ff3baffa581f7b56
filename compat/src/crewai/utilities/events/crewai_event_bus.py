"""Where CrewAI kept the bus before it had crewai.events."""

from __future__ import annotations

from aiocrew.seeing.bus.event_bus import EventBus as CrewAIEventsBus
from aiocrew.seeing.bus.event_bus import crewai_event_bus
from crewai._served import serve

__all__ = ["CrewAIEventsBus", "crewai_event_bus"]

serve(__name__)
