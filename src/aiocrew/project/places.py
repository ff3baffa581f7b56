"""Where in a configuration something stands, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

__all__ = ["Entry", "Key", "KeyPath", "Loaded", "Places"]

KeyPath: TypeAlias = tuple[str | int, ...]
"""From the top of a configuration to a value: ("research_task", "context", 0)."""


@dataclass(frozen=True, slots=True)
class Places:
    """The source of a configuration, and the lines of its keys as far as they are known.

    source: a file's path, or the attribute that holds the dict.
    """

    source: str
    lines: Mapping[KeyPath, int]

    def line(self, path: KeyPath) -> str:
        """Return "file:line" of the key at `path`, or of the nearest one above it whose line is known."""
        known = next((path[:end] for end in range(len(path), 0, -1) if path[:end] in self.lines), None)
        return self.source if known is None else f"{self.source}:{self.lines[known]}"

    def of(self, path: KeyPath) -> str:
        """Return file, line and key: `config/tasks.yaml:4: 'research_task.context[0]'`."""
        return f"{self.line(path)}: '{_dotted(path)}'"


def _dotted(path: KeyPath) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration as it was read; whoever hands parts of it out copies them."""

    values: Mapping[str, Any]
    places: Places


class Key(str):
    """A key that says where it stands when a message shows it as `{key!r}`; otherwise a text like any other.

    So a field that an Agent or a Task does not have is reported with its place by code that knows of no files.
    """

    place: str

    def __new__(cls, text: str, place: str = "") -> Key:
        """Return the key `text`; `place` is its "file:line"."""
        key = super().__new__(cls, text)
        key.place = place
        return key

    def __repr__(self) -> str:
        return f"{super().__repr__()} ({self.place})" if self.place else super().__repr__()


class Entry(dict[str, Any]):
    """What stands under one name of a configuration: a dict, fit for `config=`, that knows where it was written."""

    def __init__(self, name: str, values: Mapping[str, Any], places: Places) -> None:
        super().__init__({Key(key, places.line((name, key))): value for key, value in values.items()})
        self.name = name
        self.places = places

    def place(self, *path: str | int) -> str:
        """Return file, line and key of what stands at `path` in this entry; without one, of the entry."""
        return self.places.of((self.name, *path))

    def __repr__(self) -> str:
        return repr({str(key): value for key, value in self.items()})
