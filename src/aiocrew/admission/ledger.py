"""What a budget has spent and set aside, and what it can still grant. Pure, without locks, loops or clocks."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

__all__ = ["Amount", "Decision", "Granted", "Ledger", "Limits", "Need", "Refused", "Unit", "Wait"]

Unit: TypeAlias = Literal["usd", "tokens", "requests"]


class Amount(msgspec.Struct, frozen=True, gc=False):
    """So much of everything; whole numbers, so no sum of them ever drifts."""

    picodollars: int = 0
    tokens: int = 0
    requests: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.picodollars + other.picodollars, self.tokens + other.tokens, self.requests + other.requests)

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.picodollars - other.picodollars, self.tokens - other.tokens, self.requests - other.requests)

    def times(self, number: int) -> Amount:
        return Amount(self.picodollars * number, self.tokens * number, self.requests * number)


class Limits(msgspec.Struct, frozen=True, gc=False):
    """At most so much; None is no limit."""

    picodollars: int | None = None
    tokens: int | None = None
    requests: int | None = None

    def less(self, amount: Amount) -> Limits:
        """Return what is left of the limits after `amount`; below 0 where it passes them."""
        return Limits(
            None if self.picodollars is None else self.picodollars - amount.picodollars,
            None if self.tokens is None else self.tokens - amount.tokens,
            None if self.requests is None else self.requests - amount.requests,
        )

    def too_small_for(self, amount: Amount) -> tuple[Unit, ...]:
        """Return the limits that `amount` passes."""
        units: list[Unit] = []
        if self.picodollars is not None and amount.picodollars > self.picodollars:
            units.append("usd")
        if self.tokens is not None and amount.tokens > self.tokens:
            units.append("tokens")
        if self.requests is not None and amount.requests > self.requests:
            units.append("requests")
        return tuple(units)


class Need(msgspec.Struct, frozen=True, gc=False):
    """What a call may use at most: `base` in any case, and `each` for every token that its reply may have."""

    base: Amount
    each: Amount
    asked: int
    """The tokens that the reply should have room for."""
    least: int
    """With less room than this there is no point in the call; as much as `asked` where that is fixed."""

    def at(self, reply_tokens: int) -> Amount:
        return self.base + self.each.times(reply_tokens)

    def longest_reply(self, room: Limits) -> int:
        """Return how many tokens of a reply `room` covers, no more than asked for; below 0 where it covers none."""
        longest = self.asked
        for left, base, each in (
            (room.picodollars, self.base.picodollars, self.each.picodollars),
            (room.tokens, self.base.tokens, self.each.tokens),
            (room.requests, self.base.requests, self.each.requests),
        ):
            if left is None:
                continue
            if left < base:
                return -1
            if each:
                longest = min(longest, (left - base) // each)
        return longest


class Granted(msgspec.Struct, frozen=True, gc=False):
    """`amount` is set aside under `number`, which covers a reply of so many tokens."""

    number: int
    amount: Amount
    reply_tokens: int


class Wait(msgspec.Struct, frozen=True, gc=False):
    """Only what is set aside for others, or what others wait for, stands in the way."""


class Refused(msgspec.Struct, frozen=True, gc=False):
    """What is spent and the least that the call needs pass these limits."""

    by: tuple[Unit, ...]


Decision: TypeAlias = Granted | Wait | Refused

_WAIT = Wait()


class Ledger:
    """What is spent and what is set aside never pass the limits together.

    Two things can: a call that may not wait, and one that used more than was set aside for it; it counts as it was.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.spent = Amount()
        self.set_aside = Amount()
        self.exceeded = 0
        """How often a call that might not wait was granted what was not there."""
        self._open: dict[int, Amount] = {}
        self._next = 0

    @property
    def open(self) -> int:
        """How many holds have not ended."""
        return len(self._open)

    def reserve(self, need: Need, *, unbounded: bool = False, others_wait: bool = False) -> Decision:
        """Set aside what a call needs, if it can be.

        A reply whose length is free to choose gets all that was asked for, or, when nothing is open, all that is left.
        `unbounded` is granted what is there without the open holds. With `others_wait` a call that may wait does.
        """
        left = self.limits.less(self.spent)
        alone = need.longest_reply(left)
        if alone < need.least:
            # What is spent never becomes less, so there is no use in waiting for the open holds.
            return Refused(left.too_small_for(need.at(need.least)))
        if others_wait and not unbounded:
            return _WAIT
        if need.longest_reply(left.less(self.set_aside)) >= need.asked:
            return self._grant(need, need.asked)
        if not self._open:
            return self._grant(need, alone)
        if not unbounded:
            return _WAIT
        self.exceeded += 1
        return self._grant(need, alone)

    def _grant(self, need: Need, reply_tokens: int) -> Granted:
        granted = Granted(self._next, need.at(reply_tokens), reply_tokens)
        self._next += 1
        self._open[granted.number] = granted.amount
        self.set_aside += granted.amount
        return granted

    def end(self, number: int, used: Amount | None) -> bool:
        """End a hold: `used` is spent, or all that was set aside (None). False where it has ended before."""
        amount = self._open.pop(number, None)
        if amount is None:
            return False
        self.set_aside -= amount
        self.spent += amount if used is None else used
        return True

    def forget_open(self) -> None:
        """Give up all open holds; their ends change nothing any more."""
        self._open.clear()
        self.set_aside = Amount()
