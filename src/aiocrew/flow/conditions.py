"""When a method of a flow runs: events, any of them, all of them. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeAlias, TypeVar

from aiocrew.errors import BlueprintError
from aiocrew.flow.roles import role_of

__all__ = ["AllOf", "AnyOf", "Collector", "Condition", "Happened", "Trigger", "and_", "as_condition", "or_"]

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Happened:
    """A method of that name ended, or a router returned that text."""

    event: str


@dataclass(frozen=True, slots=True)
class AnyOf:
    of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    of: tuple[Condition, ...]


Condition: TypeAlias = Happened | AnyOf | AllOf
Trigger: TypeAlias = str | Enum | Callable[..., Any] | Happened | AnyOf | AllOf
"""What the decorators take: a method, the name of one, a router's text, or what or_() and and_() give."""


def or_(*triggers: Trigger) -> AnyOf:
    """Return the condition that holds whenever one of `triggers` does, each time anew.

    So a method that listens to `or_(a, b)` runs twice where a and b both run, as in CrewAI before 1.0.
    """
    return AnyOf(_conditions("or_", triggers))


def and_(*triggers: Trigger) -> AllOf:
    """Return the condition that holds when each of `triggers` has held; then it starts to collect anew.

    A trigger that holds several times before the others have counts once, as it was the last time.
    """
    return AllOf(_conditions("and_", triggers))


def _conditions(name: str, triggers: tuple[Trigger, ...]) -> tuple[Condition, ...]:
    if not triggers:
        raise BlueprintError(f"{name}() needs at least one method or event")
    return tuple(dict.fromkeys(as_condition(trigger, name) for trigger in triggers))


def as_condition(trigger: Trigger, where: str) -> Condition:
    """Return `trigger` as a condition. Raises BlueprintError, naming the decorator `where`, for what cannot be one."""
    if isinstance(trigger, Happened | AnyOf | AllOf):
        return trigger
    if isinstance(trigger, Enum):
        return Happened(trigger.value if isinstance(trigger.value, str) else trigger.name)
    if isinstance(trigger, str):
        if not trigger:
            raise BlueprintError(f"{where}() was given an empty text: give it the name of a method or of an event")
        return Happened(trigger)
    name = getattr(trigger, "__name__", repr(trigger))
    if not callable(trigger):
        raise BlueprintError(f"{where}() takes methods, texts, or_(...) and and_(...), not {name}")
    if role_of(trigger) is None:
        hint = "" if where in ("or_", "and_") else f"; the decorator itself is written with parentheses: @{where}(...)"
        raise BlueprintError(
            f"{where}() was given the function {name!r}, which no flow runs by itself: decorate it with @start(), "
            f"@listen(...) or @router(...) first{hint}"
        )
    return Happened(name)


class Collector(Generic[F]):
    """Keeps what of one condition has held already, within one run."""

    __slots__ = ("_condition", "_held", "_parts")

    def __init__(self, condition: Condition) -> None:
        self._condition = condition
        parts = () if isinstance(condition, Happened) else condition.of
        self._parts = [Collector[F](part) for part in parts]
        self._held: dict[int, tuple[F, ...]] = {}

    def offer(self, event: str, firing: F) -> tuple[F, ...] | None:
        """Return the firings by which the condition holds now; None when it does not, or not yet."""
        if isinstance(self._condition, Happened):
            return (firing,) if event == self._condition.event else None
        given = {place: firings for place, part in enumerate(self._parts) if (firings := part.offer(event, firing))}
        if isinstance(self._condition, AnyOf):
            return next(iter(given.values()), None)
        self._held |= given
        if not given or len(self._held) < len(self._parts):
            return None
        together = tuple(firing for place in sorted(self._held) for firing in self._held[place])
        self._held.clear()
        return together
