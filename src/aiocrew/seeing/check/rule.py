"""What a rule of the checker is."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Rule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A fault that the checker knows: what it is, why it is one, and an example with it and without."""

    code: str
    name: str
    why: str
    bad: str
    good: str
