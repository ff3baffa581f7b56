"""What a flow's class says, read once: its methods, what each waits for, and who can lead to whom."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import msgspec

from aiocrew.errors import BlueprintError
from aiocrew.flow.conditions import AllOf, AnyOf, Condition, Happened
from aiocrew.flow.roles import Role, role_of

__all__ = ["FlowPlan", "MethodPlan", "Source", "plan_flow"]


class Source(msgspec.Struct, frozen=True):
    """A way by which a method comes to run: one alternative of its condition, and who makes that hold."""

    alternative: int
    method: str
    """Empty where several do together (and_)."""


class MethodPlan(msgspec.Struct, frozen=True):
    """All that a run reads of a method."""

    name: str
    position: int
    starts: bool
    routes: bool
    alternatives: tuple[Condition, ...]
    """One that holds is enough."""
    takes_result: bool
    needs_result: bool
    sources: Mapping[Source, int]
    """A number for each way by which it may come to run, as far as the class tells; not for a router's way back."""
    leads_to: frozenset[str]
    """The methods that may run because it has run, also by way of others."""


class FlowPlan(msgspec.Struct, frozen=True):
    """The methods of a flow, in the order of their definition; those of a base class come first."""

    methods: tuple[MethodPlan, ...]
    in_vain: tuple[tuple[str, str], ...] = ()
    """Methods with an event for which they wait, and which nothing in the flow gives."""


def plan_flow(flow: type) -> FlowPlan:
    """Return the plan of a flow's class.

    Raises BlueprintError for a method that needs more than one result or takes no `self`, and for one that bears
    another name than the function that others listen to.

    A method that a subclass defines anew is a part of the flow if it is decorated there, too.
    """
    members: dict[str, Any] = {}
    for base in reversed(flow.__mro__):
        members.update(vars(base))
    found = {name: (member, role) for name, member in members.items() if (role := role_of(member)) is not None}
    alternatives = {name: _alternatives(role) for name, (_, role) in found.items()}
    _check_methods(flow, found, {event for conditions in alternatives.values() for event in _events_of(conditions)})
    makers = _Makers(found)
    leads = _closed(_next_of(alternatives, makers))
    plans: list[MethodPlan] = []
    for position, (name, (function, role)) in enumerate(found.items()):
        takes, needs = _result_of(flow, name, function)
        sources = dict.fromkeys(_sources(alternatives[name], makers, leads[name]))
        plans.append(
            MethodPlan(
                name=name,
                position=position,
                starts=role.starts,
                routes=role.routes,
                alternatives=alternatives[name],
                takes_result=takes,
                needs_result=needs,
                sources={source: number for number, source in enumerate(sources)},
                leads_to=leads[name],
            )
        )
    return FlowPlan(tuple(plans), _in_vain(alternatives, found))


_NO_METHODS = (staticmethod, classmethod, property)


def _check_methods(flow: type, found: _Found, events: set[str]) -> None:
    for name, (member, _) in found.items():
        where = f"method {name!r} of flow {flow.__name__!r}"
        if type(member) in _NO_METHODS:
            raise BlueprintError(f"{where} is a {type(member).__name__}: it must be a method that takes self")
        called = getattr(member, "__name__", name)
        if called not in found and called in events:
            raise BlueprintError(
                f"{where} is a function called {called!r}, so who listens to that function would wait for ever: listen "
                f"to the text {name!r}, or use functools.wraps in the decorator"
            )


def _in_vain(alternatives: Mapping[str, tuple[Condition, ...]], found: _Found) -> tuple[tuple[str, str], ...]:
    routers = [role for _, role in found.values() if role.routes]
    if any(not role.emits for role in routers):
        return ()  # it may give any text
    given = {*found, *(text for role in routers for text in role.emits)}
    waited_for = [(name, event) for name, conditions in alternatives.items() for event in _events_of(conditions)]
    return tuple((name, event) for name, event in waited_for if event not in given)


_Found: TypeAlias = Mapping[str, tuple[Callable[..., Any], Role]]
"""The methods that have a role, by name."""


class _Makers:
    """Tells which methods can make an event happen."""

    def __init__(self, found: _Found) -> None:
        self._names = found.keys()
        self._texts = {name: _texts_of(function, role) for name, (function, role) in found.items() if role.routes}

    def of(self, event: str) -> list[str]:
        own = [event] if event in self._names else []
        # Any router may return any text. Those whose code has it are the likely ones; without any, all are.
        likely = [name for name, texts in self._texts.items() if event in texts and name != event]
        return own + likely or list(self._texts)


def _texts_of(function: Callable[..., Any], role: Role) -> set[str]:
    code = getattr(inspect.unwrap(function), "__code__", None)
    constants = () if code is None else code.co_consts
    return {*role.emits, *(constant for constant in constants if isinstance(constant, str))}


def _alternatives(role: Role) -> tuple[Condition, ...]:
    def flat(condition: Condition) -> Iterator[Condition]:
        if isinstance(condition, AnyOf):
            for part in condition.of:
                yield from flat(part)
        else:
            yield condition

    return tuple(dict.fromkeys(part for condition in role.conditions for part in flat(condition)))


def _sources(alternatives: tuple[Condition, ...], makers: _Makers, leads_to: frozenset[str]) -> Iterator[Source]:
    for number, alternative in enumerate(alternatives):
        if isinstance(alternative, Happened):
            event = alternative.event
            yield from (Source(number, name) for name in makers.of(event) if name == event or name not in leads_to)
        else:
            yield Source(number, "")


def _events_of(conditions: tuple[Condition, ...]) -> Iterator[str]:
    for condition in conditions:
        match condition:
            case Happened(event=event):
                yield event
            case AnyOf(of=parts) | AllOf(of=parts):
                yield from _events_of(parts)


def _next_of(alternatives: Mapping[str, tuple[Condition, ...]], makers: _Makers) -> dict[str, set[str]]:
    following: dict[str, set[str]] = {name: set() for name in alternatives}
    for name, conditions in alternatives.items():
        for event in _events_of(conditions):
            for maker in makers.of(event):
                following[maker].add(name)
    return following


def _closed(following: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    def reach(name: str) -> frozenset[str]:
        reached: set[str] = set()
        ahead = list(following[name])
        while ahead:
            other = ahead.pop()
            if other not in reached:
                reached.add(other)
                ahead.extend(following[other])
        return frozenset(reached)

    return {name: reach(name) for name in following}


_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _result_of(flow: type, name: str, function: Callable[..., Any]) -> tuple[bool, bool]:
    """Return whether the method takes a result, and whether it cannot do without."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    needed = [one for one in parameters if one.default is one.empty and one.kind in _POSITIONAL]
    if len(needed) > 1:
        names = ", ".join(one.name for one in needed)
        raise BlueprintError(
            f"method {name!r} of flow {flow.__name__!r} needs {len(needed)} arguments ({names}); a method of a flow is "
            "given one result at most: keep the others in self.state"
        )
    takes = any(one.kind in (*_POSITIONAL, inspect.Parameter.VAR_POSITIONAL) for one in parameters)
    return takes, bool(needed)
