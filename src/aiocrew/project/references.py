"""Names in a configuration that stand for a project's decorated methods."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast

from aiocrew.aio.functions import call_function
from aiocrew.errors import BlueprintError
from aiocrew.project.marks import Kind, bears, names_of
from aiocrew.project.places import Entry
from aiocrew.project.state import following

__all__ = ["OF_AGENTS", "OF_TASKS", "Reference", "resolved"]


@dataclass(frozen=True, slots=True)
class Reference:
    """A key whose value names a decorated method.

    many: the value is a list of names; a single one stands for a list of it.
    or_text: a text that names none stands for itself.
    """

    kind: Kind
    many: bool = False
    or_text: bool = False


OF_AGENTS: Mapping[str, Reference] = {
    "llm": Reference("llm", or_text=True),
    "function_calling_llm": Reference("llm", or_text=True),
    "tools": Reference("tool", many=True),
    "step_callback": Reference("callback"),
    "callbacks": Reference("callback", many=True),
    "cache_handler": Reference("cache_handler"),
}
OF_TASKS: Mapping[str, Reference] = {
    "agent": Reference("agent"),
    "context": Reference("task", many=True),
    "tools": Reference("tool", many=True),
    "output_json": Reference("output_json"),
    "output_pydantic": Reference("output_pydantic"),
    "callback": Reference("callback"),
    "callbacks": Reference("callback", many=True),
}


def resolved(entry: Entry, references: Mapping[str, Reference], project: object) -> dict[str, Any]:
    """Return what `entry` holds, with the objects that the methods of `project` give in place of their names.

    Values that are no texts stay. A task's `callbacks` become its `callback`, which calls them in turn. Raises
    BlueprintError, with file, line and key, for a name that no such method has, and for what should be a list of them
    and is none.
    """
    values = dict(entry)
    for key, value in entry.items():
        reference, place = references.get(key), entry.place(key)
        if reference is None or value is None:
            continue
        if not reference.many:
            values[key] = _found(value, reference, place, project)
        elif isinstance(value, str):
            values[key] = [_found(value, reference, place, project)]
        else:
            items = enumerate(_listed(value, place))
            values[key] = [_found(item, reference, entry.place(key, number), project) for number, item in items]
    if references is OF_TASKS and "callbacks" in values:
        callbacks = [values.get("callback"), *(values.pop("callbacks") or ())]
        values["callback"] = _in_turn([each for each in callbacks if each is not None], entry.place("callbacks"))
    return values


def _listed(value: Any, place: str) -> Collection[Any]:
    if isinstance(value, Collection) and not isinstance(value, Mapping):
        return cast("Collection[Any]", value)
    raise BlueprintError(f"{place} must be a list of names, such as [first, second]")


def _found(name: Any, reference: Reference, place: str, project: object) -> Any:
    if not isinstance(name, str):
        return name
    names = names_of(type(project), reference.kind)
    if name not in names:
        if reference.or_text:
            return name
        raise BlueprintError(f"{place} names {name!r}, {_but(name, names, reference.kind, type(project))}")
    member: Any = getattr(project, name)
    if isinstance(member, type) or bears(getattr(member, "__func__", member), "is the callback"):
        return member
    with following(place):
        return member()


def _but(name: str, names: list[str], kind: Kind, project: type) -> str:
    owner = project.__name__
    if callable(getattr(project, name, None)):
        return f"which {owner} has, but not decorated with @{kind}"
    nearest = difflib.get_close_matches(name, names, n=1)
    if nearest:
        return f"and {owner} has nothing of that name decorated with @{kind}; did you mean {nearest[0]!r}?"
    there_is = f"there is {', '.join(names)}" if names else f"it has nothing decorated with @{kind}"
    return f"and {owner} has nothing of that name decorated with @{kind}; {there_is}"


def _in_turn(callbacks: list[Any], place: str) -> Callable[..., Any] | None:
    """Return a callback that calls each of `callbacks`, one after the other; None where there are none."""
    wrong = next((each for each in callbacks if not callable(each)), None)
    if wrong is not None:
        raise BlueprintError(f"{place} takes names of callbacks, not {wrong!r}")
    if len(callbacks) < 2:
        return callbacks[0] if callbacks else None

    async def callbacks_in_turn(output: Any) -> None:
        for callback in callbacks:
            await call_function(callback, output)

    return callbacks_in_turn
