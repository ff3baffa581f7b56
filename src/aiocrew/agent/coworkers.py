"""Who may hand work to whom, and finding a co-worker by whatever a model wrote. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence

import msgspec

from aiocrew.agent.plan import AgentPlan

__all__ = ["Coworker", "coworker_named"]


class Coworker(msgspec.Struct, frozen=True, gc=False):
    """An agent that can be given work."""

    role: str
    plan: Callable[[], AgentPlan]
    """Gives its plan, without tools for handing work on."""
    delegates: bool = False
    """It may hand work on, too."""


def coworker_named(coworkers: Sequence[Coworker], name: str) -> Coworker | None:
    """Return who is meant by `name`: by role, however it is spelled, quoted or put in brackets; None if that is open.

    A part of a role, or a role with a few letters wrong, is enough where it fits one of them alone.
    """
    wanted = _letters(name)
    if not wanted:
        return coworkers[0] if len(coworkers) == 1 else None
    by_letters = {_letters(coworker.role): coworker for coworker in reversed(coworkers)}
    if wanted in by_letters:
        return by_letters[wanted]
    partly = [coworker for letters, coworker in by_letters.items() if letters in wanted or wanted in letters]
    if len(partly) == 1:
        return partly[0]
    near = difflib.get_close_matches(wanted, by_letters, n=2, cutoff=0.8)
    return by_letters[near[0]] if len(near) == 1 else None


def _letters(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()
