"""`self.agents_config` and `self.tasks_config`: entries by name, read when first used."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, cast

from aiocrew.errors import BlueprintError
from aiocrew.project.places import Entry, Loaded, Places
from aiocrew.project.state import State, note

__all__ = ["ConfigTable"]


class _NoEntryError(BlueprintError, KeyError):
    """There is no entry of this name; a KeyError, too, as a mapping must give."""


class ConfigTable(MutableMapping[str, Any]):
    """The entries of one configuration, for one instance: an entry's references are resolved when it is looked up.

    Looking up raises BlueprintError, which names the file, and line and key where there are such: for a file that is
    not there or no YAML, for a name that is not in it, and for a reference that leads nowhere.
    """

    def __init__(self, load: Callable[[], Loaded], resolve: Callable[[Entry], dict[str, Any]], state: State) -> None:
        self._load = load
        self._resolve = resolve
        self._state = state
        self._values: dict[str, Any] | None = None
        self._places = Places("", {})
        self._resolved: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        with self._state.lock:
            values = self._loaded()
            if name not in values:
                raise _NoEntryError(f"{self._places.source} has no {name!r}{_nearest(name, values)}")
            entry = self._entry(name, values)
            is_resolved = name in self._resolved
        if not is_resolved:
            self._replace(name, entry, self._resolve(entry))
        note(entry)
        return entry

    def __setitem__(self, name: str, value: Any) -> None:
        with self._state.lock:
            self._loaded()[name] = value
            self._resolved.discard(name)

    def __delitem__(self, name: str) -> None:
        with self._state.lock:
            if name not in self._loaded():
                raise _NoEntryError(f"{self._places.source} has no {name!r}")
            del self._loaded()[name]
            self._resolved.discard(name)

    def __contains__(self, name: object) -> bool:
        return name in self._loaded()

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaded())

    def __len__(self) -> int:
        return len(self._loaded())

    def __repr__(self) -> str:
        return repr(self._values) if self._values is not None else "<a configuration that nobody has used yet>"

    def _loaded(self) -> dict[str, Any]:
        with self._state.lock:
            if self._values is None:
                loaded = self._load()
                self._places = loaded.places
                self._values = dict(loaded.values)
            return self._values

    def _replace(self, name: str, entry: Entry, resolved: dict[str, Any]) -> None:
        """Make `resolved` the entry's content, unless another thread has done so meanwhile."""
        with self._state.lock:
            if name not in self._resolved:
                entry.clear()
                entry.update(resolved)
                self._resolved.add(name)

    def _entry(self, name: str, values: dict[str, Any]) -> Entry:
        value = values[name]
        if isinstance(value, Entry):
            return value
        if not isinstance(value, Mapping | None):
            raise BlueprintError(
                f"{self._places.of((name,))} is {_kind(value)}; it must be a mapping, such as of role, goal, backstory"
            )
        copied: dict[str, Any] = {} if value is None else _copy(cast("object", value), {})
        entry = values[name] = Entry(name, copied, self._places)
        return entry


def _copy(value: object, copies: dict[int, Any]) -> Any:
    """Return `value` with mappings and lists of its own; what else stands in it is the same."""
    number = id(value)
    if number in copies:  # an alias in the YAML: the same part in several places
        return copies[number]
    if isinstance(value, Mapping):
        mapping: dict[Any, Any] = {}
        copies[number] = mapping
        for key, item in cast("Mapping[Any, Any]", value).items():
            mapping[key] = _copy(item, copies)
        return mapping
    if isinstance(value, list):
        items: list[Any] = []
        copies[number] = items
        items.extend(_copy(item, copies) for item in cast("list[object]", value))
        return items
    return value


def _nearest(name: str, names: Mapping[str, Any]) -> str:
    nearest = difflib.get_close_matches(str(name), [str(each) for each in names], n=1)
    if nearest:
        return f"; did you mean {nearest[0]!r}?"
    return f"; there is {', '.join(map(str, names))}" if names else "; it is empty"


def _kind(value: Any) -> str:
    return {"str": "a text", "list": "a list", "bool": "a boolean"}.get(type(value).__name__, "a number")
