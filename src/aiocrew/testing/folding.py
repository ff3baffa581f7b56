"""Texts of several lines as lists of lines, so that a change of one line is one line in a diff. Pure."""

from __future__ import annotations

from typing import Any, Final, cast

__all__ = ["folded", "unfolded"]

_LINES: Final = "\n"
"""The only key of an object that stands for a text."""


def folded(value: Any) -> Any:
    """Return JSON's `value` with every text of several lines as {"\\n": [its lines]}."""
    if isinstance(value, str):
        return {_LINES: value.split("\n")} if "\n" in value else value
    if isinstance(value, list):
        return [folded(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        held = {name: folded(item) for name, item in cast("dict[str, Any]", value).items()}
        return {_LINES: held} if held.keys() == {_LINES} else held
    return value


def unfolded(value: Any) -> Any:
    """Return what `folded` was given."""
    if isinstance(value, list):
        return [unfolded(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    held = cast("dict[str, Any]", value)
    if held.keys() == {_LINES}:
        inner = held[_LINES]
        if isinstance(inner, list):
            return "\n".join(cast("list[str]", inner))
        held = cast("dict[str, Any]", inner)
    return {name: unfolded(item) for name, item in held.items()}
