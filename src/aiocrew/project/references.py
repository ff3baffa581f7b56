"""Names in a configuration that stand for a project's decorated methods."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from aiocrew.aio.functions import call_function
from aiocrew.errors import BlueprintError
from aiocrew.project.marks import Kind, bears, names_of
from aiocrew.project.places import Entry
from aiocrew.project.state import State

__all__ = ["OF_AGENTS", "OF_TASKS", "Reference", "resolve_references"]


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


def resolve_references(entry: Entry, references: Mapping[str, Reference], state: State) -> None:
    """Put into `entry` what its names stand for: the objects that the methods of the state's owner give.

    Values that are no texts stay. A task's `callbacks` become its `callback`, which calls them in turn. Raises
    BlueprintError, with file, line and key, for a name that no such method has.
    """
    found: dict[str, Any] = {}
    for key, reference in references.items():
        value: Any = entry.get(key)
        if isinstance(value, str):
            one = _found(value, reference, entry.place(key), state)
            found[key] = [one] if reference.many else one
        elif reference.many and isinstance(value, list):
            found[key] = [
                _found(item, reference, entry.place(key, number), state) if isinstance(item, str) else item
                for number, item in enumerate(cast("list[Any]", value))
            ]
    entry.update(found)
    if references is OF_TASKS and isinstance(entry.get("callbacks"), list):
        callbacks = cast("list[Callable[..., Any]]", entry.pop("callbacks"))
        first = [entry["callback"]] if entry.get("callback") else []
        if callbacks:
            entry["callback"] = _in_turn([*first, *callbacks])


def _found(name: str, reference: Reference, place: str, state: State) -> Any:
    project = state.owner
    names = names_of(type(project), reference.kind)
    if name not in names:
        if reference.or_text:
            return name
        raise BlueprintError(f"{place} names {name!r}, {_but(name, names, reference.kind, type(project))}")
    member: Any = getattr(project, name)
    if isinstance(member, type) or bears(getattr(member, "__func__", member), "is the callback"):
        return member
    with state.following(place):
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


def _in_turn(callbacks: list[Callable[..., Any]]) -> Callable[..., Any]:
    """Return a callback that calls each of `callbacks`, one after the other."""
    if len(callbacks) == 1:
        return callbacks[0]

    async def callbacks_in_turn(output: Any) -> None:
        for callback in callbacks:
            await call_function(callback, output)

    return callbacks_in_turn
