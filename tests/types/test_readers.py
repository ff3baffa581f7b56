"""Readers of events: one that fails is left out, and the run goes on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aiocrew.types.context import Readers
from aiocrew.types.events import CrewKickoffCompleted, Event

EVENT = CrewKickoffCompleted("r", "run", 0.0, 0.0, "crew", "answer")


class Reads:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event, /) -> None:
        self.events.append(event)


class Fails:
    def emit(self, event: Event, /) -> None:
        raise ValueError("of the reader")


@pytest.mark.parametrize("beside", [0, 1])
@pytest.mark.parametrize("bad", [Fails(), object()], ids=["raises", "has no emit"])
async def test_a_reader_that_fails_is_left_out_and_told_of(bad: Any, beside: int) -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    others = [Reads() for _ in range(beside)]
    readers = Readers((bad, *others))
    readers.emit(EVENT)
    readers.emit(EVENT)
    assert [other.events for other in others] == [[EVENT, EVENT]] * beside
    assert [type(context["exception"]) for context in told] in ([ValueError], [AttributeError])
    assert readers.sinks == tuple(others)
