"""A cache of tool results that outlives a run, because its user holds it."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any, Self

__all__ = ["CacheHandler"]


class CacheHandler:
    """Keeps the results of tool calls. `Agent(cache_handler=...)`: a call that it knows is not run again.

    Any number of agents and runs may share one, also in several threads. A subclass may keep them elsewhere; plain
    methods run in a thread, async ones on the loop.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cache: dict[tuple[str, str], Any] = {}

    def __deepcopy__(self, memo: object) -> Self:
        return self  # a copy of an agent shares it

    def add(self, tool: str, input: Mapping[str, Any] | str, output: Any) -> Any:
        """Keep `output` as what `tool` gave for `input`."""
        with self._lock:
            self._cache[tool, _text(input)] = output

    def read(self, tool: str, input: Mapping[str, Any] | str) -> Any:
        """Return what `tool` gave for `input`, or None."""
        with self._lock:
            return self._cache.get((tool, _text(input)))


def _text(arguments: Mapping[str, Any] | str) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(dict(arguments), sort_keys=True, default=str)
