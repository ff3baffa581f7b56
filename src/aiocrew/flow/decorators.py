"""The decorators that make a method a part of its flow. They leave the method as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

from aiocrew.errors import BlueprintError, NotBuiltError
from aiocrew.flow.conditions import Trigger, as_condition
from aiocrew.flow.roles import Role, with_role

__all__ = ["human_feedback", "listen", "persist", "router", "start"]

Method = TypeVar("Method", bound=Callable[..., Any])


def start(condition: Trigger | None = None) -> Callable[[Method], Method]:
    """Mark a method that runs when its flow is kicked off; with a condition also whenever that holds later.

    All start methods begin at once. Raises BlueprintError for a condition that cannot be one.
    """
    conditions = () if condition is None else (as_condition(condition, "start"),)
    return _marking("start", Role(starts=True, conditions=conditions))


def listen(condition: Trigger) -> Callable[[Method], Method]:
    """Mark a method that runs each time that its condition holds: another method ended, or a router gave that text.

    If it takes a parameter, it gets the result of the method that ended; of several (`and_`) the last one's: that of
    the longest chain of methods, and among equals of the one that is defined last. Who listens to a router's text gets
    what the router was given. Methods that listen to the same event run side by side.
    """
    return _marking("listen", Role(conditions=(as_condition(condition, "listen"),)))


def router(condition: Trigger | None = None, *, emit: Sequence[str] | str | None = None) -> Callable[[Method], Method]:
    """Mark a method whose return value is an event, beside its own name: those who listen to it run.

    It returns a text or a member of an Enum (its value, if that is a text, else its name); None is no event; a bool and
    an int stand for their text. Without a condition it stands beside @start() or @listen(...). `emit` says which events
    there may be, for readers of the code: where every router says so, a kickoff warns of a listener that waits in vain.
    """
    conditions = () if condition is None else (as_condition(condition, "router"),)
    emits = () if emit is None else (emit,) if isinstance(emit, str) else tuple(emit)
    return _marking("router", Role(routes=True, conditions=conditions, emits=emits))


def _marking(name: str, role: Role) -> Callable[[Method], Method]:
    def mark(method: Method) -> Method:
        if not callable(method) or isinstance(method, type | staticmethod):
            raise BlueprintError(f"@{name}(...) stands before a method of a flow, not before {method!r}")
        with_role(method, role)
        return method

    return mark


def persist(*_: Any, **__: Any) -> NoReturn:
    """Raise NotBuiltError: a flow's state is not kept on disk yet."""
    raise NotBuiltError("@persist is not built yet: aiocrew does not keep a flow's state on disk. Leave it out")


def human_feedback(*_: Any, **__: Any) -> NoReturn:
    """Raise NotBuiltError: a flow asks no human yet."""
    raise NotBuiltError("@human_feedback is not built yet: ask in a method of your own, or use Task(human_input=True)")
