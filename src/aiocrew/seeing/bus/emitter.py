"""The events of CrewAI 0.80: `on` and `emit`, which calls the handlers at once, where it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from aiocrew.seeing.bus.event_bus import crewai_event_bus
from aiocrew.seeing.bus.letter import LOG, Handler

__all__ = ["Emitter", "default_emitter", "emit", "on"]

T = TypeVar("T")
E = TypeVar("E")
HandlerT = TypeVar("HandlerT", bound=Handler)


class Emitter(Generic[T, E]):
    """A door to the process's bus. All emitters have the same handlers, as CrewAI's have."""

    def on(self, event_type: type[E]) -> Callable[[HandlerT], HandlerT]:
        """Give a decorator that registers a handler, which is told of runs too."""
        return crewai_event_bus.on(event_type)

    def emit(self, source: T, event: E) -> None:
        """Call the handlers of `event` here, one after another. Raises what a handler raises."""
        for handler in crewai_event_bus.handlers_of(type(event)):
            handler(source, event)


default_emitter: Emitter[Any, Any] = Emitter()


def on(event_type: type) -> Callable[[HandlerT], HandlerT]:
    """Give a decorator that registers a handler for a class of events."""
    return default_emitter.on(event_type)


def emit(source: Any, event: Any, raise_on_error: bool = False) -> None:
    """Call the handlers of `event` here. What one raises ends the call, and is logged, or raised where that is said."""
    try:
        default_emitter.emit(source, event)
    except Exception as error:
        if raise_on_error:
            raise
        LOG.error("a handler of %s failed", type(event).__name__, exc_info=error)
