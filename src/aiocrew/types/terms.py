"""On what terms a run's calls go out: whose they are, what they may cost, and how many a minute there may be."""

from __future__ import annotations

import asyncio
from typing import Protocol, runtime_checkable

import msgspec

from aiocrew.types.prices import Price
from aiocrew.types.usage import Usage

__all__ = ["USUAL_TERMS", "Bound", "Hold", "Pace", "Purse", "Terms"]


class Bound(msgspec.Struct, frozen=True, gc=False):
    """What one call may use at most."""

    prompt_tokens: int
    """No fewer than the provider will count."""
    reply_tokens: int | None
    """None where nothing limits the reply yet: then what is reserved does."""
    model: str
    """For messages."""
    price: Price | None = None
    replies: int = 1
    """How many replies the call asks for, each as long as it likes."""


@runtime_checkable
class Hold(Protocol):
    """What is set aside for one call. Exactly one of the methods ends it; a second one changes nothing."""

    @property
    def reply_tokens(self) -> int:
        """To how many tokens the reply must be limited, so that it costs no more than is set aside."""
        ...

    def settle(self, usage: Usage) -> None:
        """The call used just this."""
        ...

    def keep(self) -> None:
        """Nobody knows what the call used: it counts as all that was set aside."""
        ...

    def release(self, *, sent: bool) -> None:
        """The call used no token; where it was `sent` it was a request all the same."""
        ...


@runtime_checkable
class Purse(Protocol):
    """What pays for calls: a budget."""

    async def reserve(self, bound: Bound, *, unbounded: bool) -> Hold:
        """Set aside what a call may use. Waits while only what is set aside for others stands in the way.

        `unbounded` never waits: it exceeds. Raises BudgetExceededError when the money is spent, BlueprintError when it
        cannot be told what a call costs.
        """
        ...

    @property
    def counts_money(self) -> bool:
        """Whether a call's price must be known."""
        ...

    @property
    def order(self) -> int:
        """Where several pay, in this order: so none waits for another in a circle."""
        ...


@runtime_checkable
class Pace(Protocol):
    """At most so many requests a minute, whoever makes them."""

    @property
    def per_minute(self) -> int: ...

    async def pass_one(
        self, flow: tuple[str, int], run: str, loop: asyncio.AbstractEventLoop, *, unbounded: bool
    ) -> Passed:
        """Return when one more request may go. `flow` and `run` say in whose turn, `unbounded` waits for no other's."""
        ...


class Passed(Protocol):
    """One request's place among those of a minute."""

    def sent(self) -> None:
        """The request goes out now: its minute begins."""
        ...

    def give_back(self) -> None:
        """It will not be sent after all. Changes nothing after `sent`."""
        ...


class Terms(msgspec.Struct, frozen=True):
    """The terms of one run."""

    flow: tuple[str, int] = ("", 0)
    """Whose turn its calls count for where they wait: (tenant, priority)."""
    purses: tuple[Purse, ...] = ()
    pace: Pace | None = None
    """The crew's."""
    grace_s: float = 5.0
    """How long finally-blocks of the user's code may take when the run is cancelled."""


USUAL_TERMS = Terms()
"""Those of a run that asks for nothing."""
