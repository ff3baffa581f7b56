"""What the account remembers: the names of runs, and of a run under way since when what goes on, and what was used."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiocrew.console.lines import RunName
from aiocrew.console.safe_text import shortened
from aiocrew.types.paths import Path

__all__ = ["CallStory", "RunNames", "Story", "summary"]

_KEPT = 10_000
_MOST_OF_A_NAME = 24
_MOST_OF_AN_INPUT = 16
_PLACEHOLDER = re.compile(r"\{([^\W\d]\w*)\}")


@dataclass(slots=True)
class CallStory:
    """One model call under way."""

    began_s: float
    waits_since_s: float | None = None
    waited_s: float = 0.0
    limits: list[str] = field(default_factory=list[str])
    """What it waited for, each once."""

    def wait(self, at_s: float, limit: str) -> None:
        """It waits for `limit` from now on."""
        self.go_on(at_s)
        self.waits_since_s = at_s
        if limit not in self.limits:
            self.limits.append(limit)

    def go_on(self, at_s: float) -> None:
        """It does not wait any more."""
        if self.waits_since_s is not None:
            self.waited_s += at_s - self.waits_since_s
            self.waits_since_s = None


@dataclass(slots=True)
class Story:
    """One run. What is under way stands under its path."""

    began_s: float | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    calls: int = 0
    tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0
    """Calls whose cost is not known."""
    under_way: dict[Path, float] = field(default_factory=dict[Path, float])
    """When tasks, tools, methods and delegations began."""
    asked: dict[Path, CallStory] = field(default_factory=dict[Path, CallStory])
    """Model calls."""
    agents: dict[Path, str] = field(default_factory=dict[Path, str])
    """Who is at work there, and below."""
    told_errors: set[str] = field(default_factory=set[str])
    """Those that were shown in full."""
    failed_at: str = ""
    """The task that failed last."""

    def begin(self, path: Path, at_s: float, agent: str = "") -> None:
        self.under_way[path] = at_s
        if agent:
            self.agents[path] = agent

    def end(self, path: Path, at_s: float) -> float | None:
        """Return for how many seconds what stands at `path` was under way; None where its beginning was not seen."""
        began_s = self.under_way.pop(path, None)
        return None if began_s is None else at_s - began_s

    def filled(self, text: str) -> str:
        """Return `text` with its placeholders filled in, as far as texts and numbers among the inputs do that."""
        return _PLACEHOLDER.sub(self._value_for, text)

    def _value_for(self, placeholder: re.Match[str]) -> str:
        value = self.inputs.get(placeholder[1])
        return str(value) if type(value) in (str, int, float) else placeholder[0]

    def agent_at(self, path: Path) -> str:
        """Return who is at work at `path`; empty where that is nobody."""
        place: str = path
        while place:
            agent = self.agents.get(Path(place))
            if agent is not None:
                return agent
            place = place.rpartition("/")[0]
        return ""


class RunNames:
    """Gives each run a number when it is first seen. It remembers the ten thousand that were seen last."""

    def __init__(self) -> None:
        self._names: dict[str, RunName] = {}
        self._inside: dict[str, int] = {}
        """How many runs were started inside a run so far."""
        self._count = 0

    def begin(self, run_id: str, name: str, outer: str, inputs: Mapping[str, Any] | None = None) -> RunName:
        """Return the name of a run that starts; a second reader of the same run is told the same one."""
        known = self._names.get(run_id)
        if known is not None:
            return known
        outer_name = self._renewed(outer)
        if outer_name is None:
            self._count += 1
            number, colour = str(self._count), self._count - 1
        else:
            self._inside[outer] = self._inside.get(outer, 0) + 1
            number, colour = f"{outer_name.number}.{self._inside[outer]}", outer_name.colour
        parts = (shortened(name, _MOST_OF_A_NAME), f"#{number}", summary(inputs))
        named = self._names[run_id] = RunName(" ".join(part for part in parts if part), number, colour)
        if len(self._names) > _KEPT:
            oldest = next(iter(self._names))
            del self._names[oldest]
            self._inside.pop(oldest, None)
        return named

    def of(self, run_id: str) -> RunName:
        """Return the name of a run; one that was not seen to start has a part of its id."""
        return self._renewed(run_id) or RunName(f"run {shortened(run_id, 8)}" if run_id else "aiocrew", "0", 0)

    def _renewed(self, run_id: str) -> RunName | None:
        named = self._names.pop(run_id, None)
        if named is not None:
            self._names[run_id] = named
        return named


def summary(inputs: Mapping[str, Any] | None) -> str:
    """Return the first input that is a text or a number, in few characters: what tells runs of one crew apart."""
    for value in (inputs or {}).values():
        if type(value) in (str, int, float) and (text := str(value).strip()):
            return shortened(text, _MOST_OF_AN_INPUT)
    return ""
