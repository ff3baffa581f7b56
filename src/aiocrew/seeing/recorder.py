"""A reader that keeps every event."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

from aiocrew.aio.runtime import local_runtime
from aiocrew.types.context import active_runtime
from aiocrew.types.events import Event

__all__ = ["Recorder", "recording"]


class Recorder:
    """Keeps events in the order in which they were emitted."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)


@contextmanager
def recording() -> Generator[list[Event]]:
    """Give the list that the events of all runs started in this block go to."""
    recorder = Recorder()
    runtime = local_runtime()
    token = active_runtime.set(replace(runtime, sinks=(*runtime.sinks, recorder)))
    try:
        yield recorder.events
    finally:
        active_runtime.reset(token)
