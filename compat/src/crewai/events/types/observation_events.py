"""Where CrewAI keeps the events of the steps of a plan."""

from __future__ import annotations

from aiocrew.seeing.bus.untold import PlanStepCompletedEvent, PlanStepEvent, PlanStepStartedEvent
from crewai._served import serve

__all__ = ["PlanStepCompletedEvent", "PlanStepEvent", "PlanStepStartedEvent"]

serve(__name__)
