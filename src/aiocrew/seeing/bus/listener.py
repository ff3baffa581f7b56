"""A class whose instances register their handlers when they are made."""

from __future__ import annotations

from abc import ABC, abstractmethod

from aiocrew.seeing.bus.event_bus import EventBus, crewai_event_bus

__all__ = ["BaseEventListener"]


class BaseEventListener(ABC):
    """Handlers that belong together. Making an instance registers them, for as long as the process lives."""

    verbose: bool = False

    def __init__(self) -> None:
        super().__init__()
        self.setup_listeners(crewai_event_bus)

    @abstractmethod
    def setup_listeners(self, crewai_event_bus: EventBus) -> None:
        """Register the handlers: functions with `@crewai_event_bus.on(...)`."""
