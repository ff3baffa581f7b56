"""What is remembered of one run, so that an event of it can be told in CrewAI's words."""

from __future__ import annotations

from collections import Counter
from typing import Any, TypeAlias

from aiocrew.seeing.bus.records import AgentRecord, TaskRecord
from aiocrew.types.events import LLMCallStarted, ToolUsageStarted
from aiocrew.types.paths import Path
from aiocrew.types.usage import Usage

__all__ = ["RunMemory"]

Begun: TypeAlias = LLMCallStarted | ToolUsageStarted


class RunMemory:
    """Of one run: its tasks, what they gave, what is under way, and the ids of its events."""

    __slots__ = (
        "_count",
        "_open",
        "attempts",
        "begun",
        "guarded",
        "outer",
        "outputs",
        "run_id",
        "tasks",
        "top",
        "usages",
    )

    def __init__(self, run_id: str, outer: RunMemory | None = None) -> None:
        self.run_id = run_id
        self.outer = outer
        """The run inside which this one was started."""
        self.top: str = run_id if outer is None else outer.top
        """The id of the outermost run around it."""
        self.tasks: dict[Path, tuple[str, str]] = {}
        """By name and the agent's role."""
        self.outputs: dict[Path, str] = {}
        """What tasks gave; an empty text for those that were skipped."""
        self.begun: dict[Path, Begun] = {}
        """The calls of models and tools that are under way, by how they began."""
        self.attempts: dict[Path, int] = {}
        """The last attempt of each call under way of whose reply a piece has come."""
        self.usages: list[Usage] = []
        self.guarded: Counter[tuple[str, str]] = Counter()
        """How often a guardrail was asked of a task."""
        self._count = 0
        self._open: dict[Path, list[int]] = {}

    def agent(self, role: str) -> AgentRecord:
        """Return the record of an agent of this run."""
        return AgentRecord(f"{self.run_id}:{role}", role)

    def task(self, path: Path) -> TaskRecord:
        """Return the record of the task at `path`, which must be known."""
        name, role = self.tasks[path]
        return TaskRecord(f"{self.run_id}:{path}", name, name, self.agent(role))

    def task_of(self, path: Path) -> TaskRecord | None:
        """Return the record of the task within which `path` lies, if it lies in one."""
        while path and path not in self.tasks:
            path = _above(path)
        return self.task(path) if path else None

    def open(self, path: Path) -> int:
        """Count an event that encloses what happens at and below `path` until one closes it; return its number."""
        number = self.count()
        self._open.setdefault(path, []).append(number)
        return number

    def close(self, path: Path) -> int | None:
        """End what was opened last at `path`, and return its event's number; None where its beginning was not read."""
        numbers = self._open.get(path)
        if not numbers:
            return None
        number = numbers.pop()
        if not numbers:
            del self._open[path]
        return number

    def count(self) -> int:
        """Return the number of one more event."""
        self._count += 1
        return self._count

    def place(self, path: Path, number: int, began: int | None) -> dict[str, Any]:
        """Return the fields that say where the event `number` stands among the others.

        began: the number of the event that it closes.
        """
        return {
            "event_id": self._id(number),
            "emission_sequence": number,
            "previous_event_id": self._id(number - 1) if number > 1 else None,
            "parent_event_id": self._enclosing(path, number),
            "started_event_id": None if began is None else self._id(began),
        }

    def _id(self, number: int) -> str:
        return f"{self.run_id}-{number}"

    def _enclosing(self, path: Path, number: int | None = None) -> str | None:
        """Return the id of what encloses the event `number`, which may itself be open."""
        ahead = path
        while ahead:
            for enclosing in reversed(self._open.get(ahead, ())):
                if enclosing != number:
                    return self._id(enclosing)
            ahead = _above(ahead)
        return None if self.outer is None else self.outer._enclosing(path)


def _above(path: Path) -> Path:
    return Path(path.rpartition("/")[0])
