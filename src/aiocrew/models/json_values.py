"""Looking at JSON values that came from outside, and putting together those that came in pieces. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

__all__ = ["as_fields", "as_items", "as_text", "joined"]

_GROWING = frozenset({"text", "summary", "thinking", "data", "content", "reasoning", "arguments"})
"""Texts inside objects that come in pieces; every other text is sent whole, or again."""


def as_fields(value: Any) -> dict[str, Any]:
    """Return an object's fields; none for anything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def as_items(value: Any) -> list[Any]:
    """Return a list's items; none for anything else."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """Return a text; "" for anything else."""
    return value if isinstance(value, str) else ""


def joined(pieces: Sequence[Any], *, growing: bool = True) -> Any:
    """Return the value that came in `pieces`, without changing them.

    Texts follow one another (where they are not `growing`, the last one holds), objects are joined field by field,
    the items of lists by their index and type where they have an index. Of anything else the last piece holds.
    """
    values = [piece for piece in pieces if piece is not None]
    if len(values) < 2:
        return values[0] if values else None
    if all(isinstance(value, str) for value in values):
        return "".join(values) if growing else values[-1]
    if all(isinstance(value, list) for value in values):
        return _joined_items([item for value in values for item in value])
    if all(isinstance(value, dict) for value in values):
        names = dict.fromkeys(name for value in values for name in value)
        return {
            name: joined([value[name] for value in values if name in value], growing=name in _GROWING) for name in names
        }
    return values[-1]


def _joined_items(items: list[Any]) -> list[Any]:
    places: dict[Any, list[Any]] = {}
    for n, item in enumerate(items):
        fields = as_fields(item)
        # OpenRouter's reasoning_details: a reasoning text and its encrypted form may share an index.
        place = (fields["index"], fields.get("type")) if isinstance(fields.get("index"), int) else ("", n)
        places.setdefault(place, []).append(item)
    return [joined(pieces) for pieces in places.values()]
