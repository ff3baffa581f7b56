"""What a decorator leaves on a method of a flow: the part that the method plays."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["Role", "role_of", "with_role"]

_ATTRIBUTE = "_aiocrew_flow_role"


class Role(msgspec.Struct, frozen=True):
    """The part of a method in its flow. Several decorators on one method add up."""

    starts: bool = False
    routes: bool = False
    conditions: tuple[Any, ...] = ()
    """Conditions; one that holds is enough."""
    emits: tuple[str, ...] = ()
    """The events that a router says it may give; empty when it does not say."""


def role_of(member: Any) -> Role | None:
    """Return the role of a function, also of one inside a static method or a property; None for what has none."""
    function = getattr(member, "__func__", None) or getattr(member, "fget", None) or member
    role = getattr(function, _ATTRIBUTE, None)
    return role if isinstance(role, Role) else None


def with_role(function: Any, role: Role) -> None:
    """Give `function` the role, beside what it has already."""
    had = role_of(function) or Role()
    setattr(
        function,
        _ATTRIBUTE,
        Role(
            starts=had.starts or role.starts,
            routes=had.routes or role.routes,
            conditions=had.conditions + role.conditions,
            emits=had.emits + role.emits,
        ),
    )
