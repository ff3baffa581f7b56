"""What a decorator leaves on a method or a class, and which of them a project has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

__all__ = ["Kind", "bears", "mark", "names_of"]

Kind: TypeAlias = Literal[
    "after_kickoff",
    "agent",
    "before_kickoff",
    "cache_handler",
    "callback",
    "crew",
    "is the callback",  # a method that takes the callback's arguments, so it is not called to get one
    "llm",
    "output_json",
    "output_pydantic",
    "task",
    "tool",
]
"""By which decorator something is known."""

_ATTRIBUTE = "_aiocrew_kinds"
_NOTHING: Mapping[str, Any] = {}


def mark(member: Any, kind: Kind) -> None:
    """Make `member`, a function or a class, known as `kind`, beside what it is known as already."""
    setattr(member, _ATTRIBUTE, _kinds(member) | {kind})


def bears(member: Any, kind: Kind) -> bool:
    """Return whether `member` itself was marked so; a subclass of a marked class was not."""
    return kind in _kinds(member)


def _kinds(member: Any) -> frozenset[Kind]:
    # From its own dict: a class must not inherit marks, and anything may stand in a class.
    return getattr(member, "__dict__", _NOTHING).get(_ATTRIBUTE, frozenset())


def names_of(project: type, kind: Kind) -> list[str]:
    """Return the names under which `project` has something of this kind, in order of definition, inherited ones first.

    What a subclass defines anew keeps its place, and counts if it is decorated, too.
    """
    members: dict[str, Any] = {}
    for base in reversed(project.__mro__):
        members.update(vars(base))
    return [name for name, member in members.items() if bears(member, kind)]
