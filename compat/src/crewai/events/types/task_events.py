"""Where CrewAI keeps the events of tasks."""

from __future__ import annotations

from aiocrew.seeing.bus.told import TaskCompletedEvent, TaskFailedEvent, TaskStartedEvent
from aiocrew.seeing.bus.untold import TaskEvaluationEvent
from crewai._served import serve

__all__ = ["TaskCompletedEvent", "TaskEvaluationEvent", "TaskFailedEvent", "TaskStartedEvent"]

serve(__name__)
