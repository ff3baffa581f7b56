"""How what a run asks differs from what was recorded, in words. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from typing import Any, Final, cast

__all__ = ["described"]

_MOST: Final = 5
_LONGEST: Final = 300
_MOST_LINES: Final = 12


def described(old: Any, new: Any, look_up: Callable[[str], Any] = lambda name: None) -> str:
    """Return where two values of JSON differ, with both sides, a few lines for each place; "" where they are equal.

    look_up: gives what a shared name stands for, or None.
    """
    found = list(_differences(old, new, "", look_up))
    more = [f"and {len(found) - _MOST} more differences"] if len(found) > _MOST else []
    return "\n".join([*found[:_MOST], *more])


def _differences(old: Any, new: Any, at: str, look_up: Callable[[str], Any]) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        fields, others = cast("dict[str, Any]", old), cast("dict[str, Any]", new)
        for name in [*fields, *(name for name in others if name not in fields)]:
            place = f"{at}.{name}" if at else name
            yield from _of_field(fields, others, name, place, look_up)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _of_items(cast("list[Any]", old), cast("list[Any]", new), at, look_up)
    elif cast("object", old) == new and type(cast("object", old)) is type(new):
        return
    elif isinstance(old, str) and isinstance(new, str):
        before, after = look_up(old), look_up(new)
        if before is not None and after is not None:
            yield from _differences(before, after, f"{at} ({old.partition('@')[0]})", look_up)
        else:
            yield _of_texts(old, new, at)
    else:
        yield f"{at}: was {_shown(old)}, is {_shown(new)}"


def _of_field(
    old: dict[str, Any], new: dict[str, Any], name: str, place: str, look_up: Callable[[str], Any]
) -> Iterator[str]:
    if name not in new:
        yield f"{place} is gone: it was {_shown(old[name])}"
    elif name not in old:
        yield f"{place} is new: {_shown(new[name])}"
    else:
        yield from _differences(old[name], new[name], place, look_up)


def _of_items(old: list[Any], new: list[Any], at: str, look_up: Callable[[str], Any]) -> Iterator[str]:
    for number, (before, after) in enumerate(zip(old, new, strict=False)):
        yield from _differences(before, after, _item(at, number, after), look_up)
    for number, item in enumerate(old[len(new) :], len(new)):
        yield f"{_item(at, number, item)} is gone: it was {_shown(item)}"
    for number, item in enumerate(new[len(old) :], len(old)):
        yield f"{_item(at, number, item)} is new: {_shown(item)}"


def _item(at: str, number: int, item: Any) -> str:
    if at == "messages" and isinstance(item, dict):
        return f"message {number} ({cast('dict[str, Any]', item).get('role', '?')})"
    return f"{at}[{number}]"


def _of_texts(old: str, new: str, at: str) -> str:
    if "\n" not in old and "\n" not in new:
        return f"{at}:\n  - {_cut(old)}\n  + {_cut(new)}"
    lines = difflib.unified_diff(old.split("\n"), new.split("\n"), lineterm="", n=1)
    changed = [line for line in lines if not line.startswith(("---", "+++", "@@")) and line != " "]
    shown = [f"  {line[:1]} {_cut(line[1:])}".rstrip() for line in changed[:_MOST_LINES]]
    more = [f"  ... and {len(changed) - _MOST_LINES} more lines"] if len(changed) > _MOST_LINES else []
    return "\n".join([f"{at}:", *shown, *more])


def _shown(value: Any) -> str:
    return _cut(repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text)} characters)"
