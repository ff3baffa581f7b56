"""Where CrewAI keeps the events of skills."""

from __future__ import annotations

from aiocrew.seeing.bus.untold import (
    SkillActivatedEvent,
    SkillDiscoveryCompletedEvent,
    SkillDiscoveryStartedEvent,
    SkillEvent,
    SkillLoadedEvent,
    SkillLoadFailedEvent,
    SkillUsedEvent,
)
from crewai._served import serve

__all__ = [
    "SkillActivatedEvent",
    "SkillDiscoveryCompletedEvent",
    "SkillDiscoveryStartedEvent",
    "SkillEvent",
    "SkillLoadFailedEvent",
    "SkillLoadedEvent",
    "SkillUsedEvent",
]

serve(__name__)
