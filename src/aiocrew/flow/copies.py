"""Copies of what a flow holds: its containers and models are copied, what else they hold is looked at by identity."""

from __future__ import annotations

import copy
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any, TypeGuard, cast

from pydantic import BaseModel

from aiocrew.types.blueprint import Blueprint

__all__ = ["MUTABLE", "copied", "is_alike", "likeness", "own_state"]

_MAPPINGS = (dict, defaultdict, OrderedDict, Counter)
_SEQUENCES = (list, deque)
MUTABLE = frozenset((*_MAPPINGS, *_SEQUENCES, set))
"""The plain containers that can change; exactly these types, for a subclass may be anything."""


def copied(value: Any) -> Any:
    """Return `value` with its plain containers copied, however deep; all else is shared."""
    return _Copying().copy(value)


def likeness(value: Any) -> Any:
    """Return a copy to compare with later, by is_alike."""
    return _Copying(models=True).copy(value)


def own_state(value: Any) -> Any:
    """Return a deep copy. What cannot be copied (a lock, a client) is shared, and so are agents, tasks and crews."""
    return _Copying(models=True, others=True).copy(value)


class _Copying:
    """One copy of something, in which what stood there twice stands twice, too."""

    def __init__(self, *, models: bool = False, others: bool = False) -> None:
        self._models = models
        self._others = others
        self._made: dict[int, Any] = {}

    def copy(self, value: Any) -> Any:
        if id(value) not in self._made:
            self._made[id(value)] = value  # until its copy is there
            self._made[id(value)] = self._copy(value)
        return self._made[id(value)]

    def _copy(self, value: Any) -> Any:
        kind = cast("type[Any]", type(value))
        if kind in MUTABLE or kind is tuple:
            return self._container(value)
        if self._models and _is_data(value):
            return self._model(value)
        if not self._others or isinstance(value, Blueprint):
            return value
        try:
            return copy.deepcopy(value)
        except TypeError:  # what the copy module says of a lock, a socket, a generator
            return value

    def _container(self, value: Any) -> Any:
        if type(value) is tuple:
            return tuple(map(self.copy, cast("tuple[Any, ...]", value)))
        twin: Any = copy.copy(value)
        self._made[id(value)] = twin
        if type(value) in _MAPPINGS:
            for key, item in value.items():
                twin[key] = self.copy(item)
        elif type(value) in _SEQUENCES:
            for place, item in enumerate(value):
                twin[place] = self.copy(item)
        return twin

    def _model(self, value: BaseModel) -> BaseModel:
        twin = self._made[id(value)] = value.model_copy()
        for held in _parts(twin):
            for name, item in held.items():
                held[name] = self.copy(item)
        return twin


def _is_data(value: Any) -> TypeGuard[BaseModel]:
    return isinstance(value, BaseModel) and not isinstance(value, Blueprint)


def _said(model: BaseModel) -> tuple[dict[str, Any], ...]:
    """Return what people set on a model; a property that it keeps is none of that."""
    fields, *others = _parts(model)
    return {name: fields.get(name) for name in type(model).model_fields}, *others


def is_alike(value: Any, other: Any) -> bool:
    """Return whether `other`, a likeness of `value` or a copy of it, still shows it as it is."""
    return _Comparison().holds(value, other)


class _Comparison:
    def __init__(self) -> None:
        self._assumed: set[tuple[int, int]] = set()

    def holds(self, value: Any, other: Any) -> bool:
        if value is other or (id(value), id(other)) in self._assumed:
            return True
        if type(value) is not type(other):
            return False
        self._assumed.add((id(value), id(other)))
        kind = cast("type[Any]", type(value))
        if kind in _MAPPINGS:
            return list(value) == list(other) and all(map(self.holds, value.values(), other.values()))
        if kind in _SEQUENCES or kind is tuple:
            return len(value) == len(other) and all(map(self.holds, value, other))
        if kind is set:
            return value == other
        if _is_data(value):
            return all(map(self.holds, _said(value), _said(other)))
        return False


def _parts(model: BaseModel) -> tuple[dict[str, Any], ...]:
    return vars(model), model.__pydantic_extra__ or {}, model.__pydantic_private__ or {}
