"""What stands in CrewAI's events where CrewAI has the Crew, the Task or the Agent itself.

An event outlives its run and goes to any thread, so it holds no live object. A record has the names by which a reader
knows what is meant, and an id that holds for one run.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, NoReturn

__all__ = ["AgentRecord", "CrewRecord", "FlowRecord", "ModelRecord", "TaskRecord"]


class _Record:
    """Says, of an attribute that is not there, what is."""

    __slots__ = ()

    def __getattr__(self, name: str) -> NoReturn:
        shown: Any = self
        known = ", ".join(field.name for field in fields(shown))
        raise AttributeError(
            f"{type(self).__name__} has no {name!r}: events hold names ({known}), not the objects of the program; "
            "look the object up by its name"
        )


@dataclass(frozen=True, slots=True)
class CrewRecord(_Record):
    """A crew in one run; `id` is the run's."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class FlowRecord(_Record):
    """A flow in one run; `id` is the run's."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class AgentRecord(_Record):
    """An agent in one run."""

    id: str
    role: str


@dataclass(frozen=True, slots=True)
class TaskRecord(_Record):
    """A task in one run. Name and description are both what messages call it: its name, or how it begins."""

    id: str
    name: str
    description: str
    agent: AgentRecord


@dataclass(frozen=True, slots=True)
class ModelRecord(_Record):
    """A model, by the name that it was asked for by."""

    model: str
