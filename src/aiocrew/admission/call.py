"""One call on its way through admission: first a place in line, then a slot."""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum, auto
from typing import Any

__all__ = ["Call", "State"]


class State(Enum):
    NEW = auto()
    WAITING = auto()
    CALLED = auto()
    """Its turn has come and a slot is kept for it; it must still claim that."""
    UNDER_WAY = auto()
    ENDED = auto()


class Call:
    """What admission knows of a call; one object for all its life, because every call of a run has one.

    flow: whose turn it counts for, (tenant, priority); run: which run of that.
    tokens: how many it is expected to use; unbounded: it takes a slot whether there is one or not.
    again: an earlier attempt of it was turned away: it goes to the front of its run.
    """

    __slots__ = (
        "again",
        "at",
        "flow",
        "line",
        "number",
        "owner",
        "run",
        "saturating",
        "sent_s",
        "sent_tokens",
        "state",
        "tokens",
        "unbounded",
    )

    def __init__(
        self,
        flow: tuple[str, int] = ("", 0),
        run: Hashable = "",
        *,
        tokens: float = 0.0,
        unbounded: bool = False,
        again: bool = False,
    ) -> None:
        self.flow = flow
        self.run = run
        self.tokens = tokens
        self.unbounded = unbounded
        self.again = again
        self.state = State.NEW
        self.at: Any = None
        """The controller that it entered; another one, as in a forked child, knows nothing of it."""
        self.line: Hashable = None
        """The event loop that it waits on."""
        self.owner: Any = None
        """What wakes it; means nothing here."""
        self.sent_s = 0.0
        self.number = 0
        """How many calls had been sent before it."""
        self.sent_tokens = 0.0
        """How many tokens had been sent before it."""
        self.saturating = False
        """It took one of the last slots under the ceiling."""
