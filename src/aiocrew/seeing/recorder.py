"""Letting readers see the events of runs, and the reader that keeps them all."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

from aiocrew.aio.runtime import local_runtime
from aiocrew.aio.variables import set_back
from aiocrew.types.context import active_runtime, set_everywhere
from aiocrew.types.context import everywhere as all_readers
from aiocrew.types.events import Event
from aiocrew.types.ports import EventSink

__all__ = ["Recorder", "reading", "recording"]


class Recorder:
    """Keeps events in the order in which they were emitted."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        if type(self).emit is Recorder.emit:  # then the list's own will do: there are a dozen events to each call
            vars(self)["emit"] = self.events.append

    def emit(self, event: Event, /) -> None:
        self.events.append(event)


@contextmanager
def reading(sink: EventSink, *, everywhere: bool = False) -> Generator[None]:
    """Let `sink` read the events of every run that is made in this block.

    everywhere: of every run that begins meanwhile in the process, whoever starts it, in whichever thread.
    """
    if everywhere:
        with _reading_all(sink):
            yield
        return
    runtime = local_runtime()
    token = active_runtime.set(replace(runtime, sinks=(*runtime.sinks, sink)))
    try:
        yield
    finally:
        set_back(token)


_lock = threading.Lock()


@contextmanager
def _reading_all(sink: EventSink) -> Generator[None]:
    with _lock:
        set_everywhere((*all_readers(), sink))
    try:
        yield
    finally:
        with _lock:
            set_everywhere(tuple(other for other in all_readers() if other is not sink))


@contextmanager
def recording() -> Generator[list[Event]]:
    """Give the list that the events of every run made in this block go to."""
    recorder = Recorder()
    with reading(recorder):
        yield recorder.events
