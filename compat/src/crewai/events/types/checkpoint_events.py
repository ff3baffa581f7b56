"""Where CrewAI keeps the events of checkpoints."""

from __future__ import annotations

from aiocrew.seeing.bus.untold import (
    CheckpointBaseEvent,
    CheckpointCompletedEvent,
    CheckpointFailedEvent,
    CheckpointForkBaseEvent,
    CheckpointForkCompletedEvent,
    CheckpointForkStartedEvent,
    CheckpointPrunedEvent,
    CheckpointRestoreBaseEvent,
    CheckpointRestoreCompletedEvent,
    CheckpointRestoreFailedEvent,
    CheckpointRestoreStartedEvent,
    CheckpointStartedEvent,
)
from crewai._served import serve

__all__ = [
    "CheckpointBaseEvent",
    "CheckpointCompletedEvent",
    "CheckpointFailedEvent",
    "CheckpointForkBaseEvent",
    "CheckpointForkCompletedEvent",
    "CheckpointForkStartedEvent",
    "CheckpointPrunedEvent",
    "CheckpointRestoreBaseEvent",
    "CheckpointRestoreCompletedEvent",
    "CheckpointRestoreFailedEvent",
    "CheckpointRestoreStartedEvent",
    "CheckpointStartedEvent",
]

serve(__name__)
