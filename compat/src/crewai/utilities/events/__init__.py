"""Where CrewAI kept its events before it had crewai.events; also those of 0.80."""

from __future__ import annotations

from aiocrew.seeing.bus.base_event import BaseEvent
from aiocrew.seeing.bus.emitter import Emitter, default_emitter, emit, on
from aiocrew.seeing.bus.event_bus import BaseEventListener
from crewai import events
from crewai._served import serve
from crewai.utilities.events.crewai_event_bus import CrewAIEventsBus, crewai_event_bus

__all__ = [
    "BaseEvent",
    "BaseEventListener",
    "CrewAIEventsBus",
    "Emitter",
    "crewai_event_bus",
    "default_emitter",
    "emit",
    "on",
]

serve(__name__, later=dict.fromkeys(events.__all__, events.__name__))
