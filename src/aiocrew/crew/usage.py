"""The reader of events that counts a run's tokens."""

from __future__ import annotations

from aiocrew.types.events import Event, LLMCallCompleted
from aiocrew.types.usage import Usage, UsageMetrics

__all__ = ["UsageCounter"]


class UsageCounter:
    """Keeps the usage of every call that was completed; adds it up when asked."""

    __slots__ = ("_usages",)

    def __init__(self) -> None:
        self._usages: list[Usage] = []

    def emit(self, event: Event) -> None:
        if type(event) is LLMCallCompleted:
            self._usages.append(event.usage)

    def total(self) -> UsageMetrics:
        """Return the sum so far."""
        return UsageMetrics.sum_of(self._usages)
