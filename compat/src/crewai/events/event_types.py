"""Where CrewAI keeps the union of all events, which is their base here."""

from __future__ import annotations

from aiocrew.seeing.bus.base_event import BaseEvent as EventTypes
from crewai import events
from crewai._served import serve

__all__ = ["EventTypes"]

serve(__name__, later=dict.fromkeys(events.__all__, events.__name__))
