"""Copies of what a flow holds: its containers and models are copied, what else they hold is looked at by identity."""

from __future__ import annotations

import copy
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable
from typing import Any, TypeGuard, cast

from pydantic import BaseModel

from aiocrew.types.blueprint import Blueprint

__all__ = ["MUTABLE", "copied", "is_alike", "likeness", "own_state"]

_MAPPINGS = frozenset((dict, defaultdict, OrderedDict, Counter))
_SEQUENCES = frozenset((list, deque))
MUTABLE = _MAPPINGS | _SEQUENCES | {set}
"""The plain containers that can change; exactly these types, for a subclass may be anything."""
_ATOMS = frozenset((str, int, float, bool, bytes, type(None)))


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
    """One copy of something, in which what stood there twice stands twice, too. It may be nested to any depth."""

    def __init__(self, *, models: bool = False, others: bool = False) -> None:
        self._models = models
        self._others = others
        self._made: dict[int, tuple[Any, Any]] = {}
        """By the id of an original: the original, so that its id stays its own, and what stands for it."""
        self._to_fill: list[Any] = []

    def copy(self, value: Any) -> Any:
        copied = self._twin(value)
        while self._to_fill:
            self._fill(self._to_fill.pop())
        return copied

    def _twin(self, value: Any) -> Any:
        """Return what stands for `value`: as yet it holds the originals of what is in it."""
        if id(value) not in self._made:
            self._made[id(value)] = value, self._new_twin(value)
        return self._made[id(value)][1]

    def _new_twin(self, value: Any) -> Any:
        if type(value) is tuple:
            return tuple(map(self._twin, cast("tuple[Any, ...]", value)))
        if type(value) in MUTABLE or (self._models and _is_data(value)):
            twin: Any = value.model_copy() if isinstance(value, BaseModel) else value.copy()
            self._to_fill.append(twin)
            return twin
        if not self._others or isinstance(value, Blueprint):
            return value
        try:
            return copy.deepcopy(value)
        except (TypeError, RuntimeError, copy.Error):  # what a lock, a socket, a generator say, and others' own copying
            return value

    # It goes by the twin, which is nobody else's yet: a thread that was left behind may still change the original.
    def _fill(self, twin: Any) -> None:
        if isinstance(twin, BaseModel):
            for held in _parts(twin):
                self._fill_each(held, held.keys())
        elif type(twin) in _MAPPINGS:
            self._fill_each(twin, twin.keys())
        elif type(twin) in _SEQUENCES:
            self._fill_each(twin, range(len(twin)))

    def _fill_each(self, twin: Any, places: Iterable[Any]) -> None:
        for place in places:
            item = twin[place]
            if type(item) not in _ATOMS:
                twin[place] = self._twin(item)


def _is_data(value: Any) -> TypeGuard[BaseModel]:
    return isinstance(value, BaseModel) and not isinstance(value, Blueprint)


def _said(model: BaseModel) -> tuple[dict[str, Any], ...]:
    """Return what people set on a model; a property that it keeps is none of that."""
    fields, *others = _parts(model)
    return {name: fields.get(name) for name in type(model).model_fields}, *others


def is_alike(value: Any, other: Any) -> bool:
    """Return whether `other`, a likeness of `value` or a copy of it, still shows it as it is."""
    to_compare = [(value, other)] if value is not other else []
    compared = set[tuple[int, int]]()
    while to_compare:
        one, its_like = to_compare.pop()
        if (id(one), id(its_like)) in compared:
            continue
        compared.add((id(one), id(its_like)))
        opened = _opened(one) if type(one) is type(its_like) else None
        if opened is None:
            return False
        shape, held = opened
        its_shape, its_held = cast("tuple[Any, list[Any]]", _opened(its_like))
        if shape != its_shape:
            return False
        to_compare.extend(pair for pair in zip(held, its_held, strict=True) if pair[0] is not pair[1])
    return True


def _opened(value: Any) -> tuple[Any, list[Any]] | None:
    """Return what can be compared by itself, and what `value` holds; None for what is looked at by identity."""
    kind = cast("type[Any]", type(value))
    if kind in _MAPPINGS:
        return list(value), list(value.values())
    if kind in _SEQUENCES or kind is tuple:
        return len(value), list(value)
    if kind is set:
        return value, []
    if _is_data(value):
        said = _said(value)
        return [list(part) for part in said], [each for part in said for each in part.values()]
    return None


def _parts(model: BaseModel) -> tuple[dict[str, Any], ...]:
    return vars(model), model.__pydantic_extra__ or {}, model.__pydantic_private__ or {}
