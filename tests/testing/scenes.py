"""What the tests of aiocrew.testing share: a batch over a real wire, and what makes sockets fail."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from aiocrew import Agent, Crew, Task, tool
from aiocrew.seeing.recorder import recording
from aiocrew.testing import run_virtual
from aiocrew.types.events import Event
from tests.server.loopback import Refusal

__all__ = ["INPUTS", "Batch", "Flaky", "no_sockets", "replayed_log"]

INPUTS = [{"topic": f"topic {number}"} for number in range(20)]


class Flaky:
    """Refuses the first call of some tasks, which is retried, and every call of one."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def __call__(self, task: str) -> Refusal | None:
        self.asked[task] += 1
        if task == "Sum up topic 13":
            return 400, "there is something in it that I will not do"
        return (503, "busy") if self.asked[task] == 1 and task.endswith("7") else None


class Batch:
    """Three tasks for each input: one beside the others, one with a guardrail; tools plain and async."""

    def __init__(self) -> None:
        self.called: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.crew = self._crew()

    def _count(self, what: str) -> None:
        with self._lock:
            self.called[what] += 1

    def _crew(self) -> Crew:
        @tool
        def look_up(key: str) -> str:
            """Look a key up."""
            self._count("look_up")
            return f"<{key}>"

        @tool
        async def weigh(key: str) -> str:
            """Weigh a key."""
            self._count("weigh")
            return f"{len(key)} g"

        def is_long_enough(output: Any) -> tuple[bool, str]:
            self._count("guardrail")
            return len(output.raw) > 3, "too short"

        def note(output: Any) -> None:
            self._count("callback")

        finder = Agent(role="Finder", goal="Find", backstory="Keen.", tools=[look_up])
        weigher = Agent(role="Weigher", goal="Weigh", backstory="Exact.", tools=[weigh])
        writer = Agent(role="Writer", goal="Write", backstory="Terse.")
        found = Task(description="Find {topic}", expected_output="facts", agent=finder, async_execution=True)
        weighed = Task(description="Weigh {topic}", expected_output="grams", agent=weigher, callback=note)
        summed = Task(description="Sum up {topic}", expected_output="a text", agent=writer, guardrail=is_long_enough)
        return Crew(name="survey", agents=[finder, weigher, writer], tasks=[found, weighed, summed])

    async def carry_out(self) -> list[str]:
        """Return what came of each input."""
        outcomes = await self.crew.kickoff_for_each_async(INPUTS)
        return [
            outcome.raw if outcome.ok else f"{type(outcome.error).__name__}: {outcome.error}" for outcome in outcomes
        ]


def replayed_log(batch: Batch) -> tuple[bytes, list[Event], list[str]]:
    """Return the events of the batch on virtual time, to the byte, and what came of it."""
    with recording() as events:
        results = run_virtual(batch.carry_out)
    return msgspec.json.encode(events), events, results


@contextmanager
def no_sockets() -> Iterator[None]:
    """Let every attempt to open a connection, or to look up a name for one, fail."""

    def refuse(*given: object, **named: object) -> Any:
        raise AssertionError(f"something connects, or wants to: {given!r}")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto", "sendmsg"):
            patch.setattr(socket.socket, name, refuse)
        patch.setattr(socket, "getaddrinfo", refuse)
        yield
