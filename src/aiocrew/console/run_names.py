"""Names of runs, which hold for the whole process: each run is `crew #7 bees`, whoever accounts for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiocrew.console.lines import RunName
from aiocrew.console.safe_text import shortened

__all__ = ["RunNames", "summary"]

_KEPT = 10_000
_MOST_OF_A_NAME = 24
_MOST_OF_AN_INPUT = 16


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
