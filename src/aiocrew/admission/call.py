"""One call on its way through admission: first a place in line, then a slot."""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum, auto
from typing import Any

import msgspec

__all__ = ["Call", "State"]


class State(Enum):
    NEW = auto()
    WAITING = auto()
    CALLED = auto()
    """Its turn has come and a slot is kept for it; it must still claim that."""
    UNDER_WAY = auto()
    ENDED = auto()


class Call(msgspec.Struct, eq=False, gc=False):
    """What admission knows of a call; one object for all its life, because every call of a run has one.

    flow: whose turn it counts for, (tenant, priority); run: which run of that.
    tokens: how many it is expected to use, and reply_tokens how many of those for its reply.
    unbounded: it takes a slot whether there is one or not.
    again: an earlier attempt of it was turned away: it goes to the front of its run.
    """

    flow: tuple[str, int] = ("", 0)
    run: Hashable = ""
    unbounded: bool = False
    again: bool = False
    tokens: float = 0.0
    reply_tokens: float = 0.0
    state: State = State.NEW
    at: Any = None
    """The controller that it entered; another one, as in a forked child, knows nothing of it."""
    line: Hashable = None
    """The event loop that it waits on."""
    owner: Any = None
    """What wakes it; means nothing here."""
    sent_s: float = 0.0
    number: int = 0
    """How many calls had been sent before it."""
    sent_tokens: float = 0.0
    """How many tokens had been sent before it."""
    sent_reply_tokens: float = 0.0
    unexpected: bool = False
    """It went although nothing was left by the provider's numbers."""
    beside: int = 0
    """How many were in flight when it went, itself included."""
    slots: int = 0
    """How many might have been."""
