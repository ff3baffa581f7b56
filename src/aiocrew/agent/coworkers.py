"""Who may hand work to whom, and finding a co-worker by whatever a model wrote. Pure."""

from __future__ import annotations

import difflib
import re
import unicodedata
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

    Words around a role, a part of one, or a few wrong letters do no harm where only one role fits.
    """
    for coworker in coworkers:
        if coworker.role == name:
            return coworker
    wanted = _letters(name)
    if not wanted:
        return coworkers[0] if len(coworkers) == 1 else None
    by_letters = {_letters(coworker.role): coworker for coworker in reversed(coworkers)}
    by_letters.pop("", None)  # a role of signs alone is found as it is written, or not at all
    meant = _meant(wanted, list(by_letters))
    return None if meant is None else by_letters[meant]


def _meant(wanted: str, roles: Sequence[str]) -> str | None:
    if wanted in roles:
        return wanted
    named = [role for role in roles if role in wanted]
    longest = max(named, key=len, default="")
    if longest and all(role in longest for role in named):  # "Senior Researcher" names no "Researcher" besides
        return longest
    begun = [role for role in roles if wanted in role]
    if len(begun) == 1:
        return begun[0]
    near = difflib.get_close_matches(wanted, roles, n=2, cutoff=0.8)
    return near[0] if len(near) == 1 else None


def _letters(name: str) -> str:
    """Return letters and digits only, and alike in whatever case and with or without accents."""
    # Upper case first: what has no lower case of its own (a dotless i) has the letters of its upper one.
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).upper().casefold())
    return re.sub(r"[\W_]+", "", plain)
