"""What one attempt of a call passes before the provider's own limit: the paces of agent and crew, then the budgets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiocrew.errors import ModelConnectionError, ProviderError
from aiocrew.net.failures import NetError
from aiocrew.types.context import Here
from aiocrew.types.terms import Bound, Hold, Passed, Purse
from aiocrew.types.usage import Usage

__all__ = ["Toll", "takes_toll"]

_REFUSED_UNREAD = frozenset({500, 501, 503, 529})
"""Statuses from 500 on after which nothing was computed; a gateway's 502 or 504 says nothing of what lies behind it."""


def takes_toll(where: Here | None) -> bool:
    """Return whether a call of this step has a pace or a budget to pass."""
    if where is None:
        return False
    terms = where.run.terms
    return bool(terms.purses) or terms.pace is not None or where.pace is not None


class Toll:
    """The places and holds of one attempt: it is paid, and then ended by `settle` or `failed` or `give_back`.

    Paces come before budgets, so that nobody holds money while a minute passes.
    """

    __slots__ = ("_holds", "_passed")

    def __init__(self) -> None:
        self._holds: list[Hold] = []
        self._passed: list[Passed] = []

    async def pay(
        self,
        where: Here,
        loop: asyncio.AbstractEventLoop,
        bound_of: Callable[[tuple[Purse, ...]], Awaitable[Bound]],
        waits_for: Callable[[str], None],
        *,
        unbounded: bool,
    ) -> int | None:
        """Return to how many tokens the reply is to be limited; None where nothing needs that.

        `waits_for` is told what it may wait for from then on.
        Raises BudgetExceededError, and BlueprintError for a budget in dollars and a call without a price.
        """
        terms = where.run.terms
        try:
            for pace, owner in ((terms.pace, f"crew {where.run.crew!r}"), (where.pace, "an agent")):
                if pace is not None:
                    waits_for(f"max_rpm={pace.per_minute} of {owner}")
                    self._passed.append(await pace.pass_one(terms.flow, where.run.run_id, loop, unbounded=unbounded))
            if not terms.purses:
                return None
            waits_for("a budget")
            bound = await bound_of(terms.purses)
            for purse in terms.purses:
                self._holds.append(await purse.reserve(bound, unbounded=unbounded))
        except BaseException:
            self.give_back()
            raise
        return min(hold.reply_tokens for hold in self._holds) if bound.reply_tokens is None else None

    def sent(self) -> None:
        """The attempt goes out now."""
        for passed in self._passed:
            passed.sent()
        self._passed.clear()

    def settle(self, usage: Usage) -> None:
        """The attempt brought a reply, and used just this."""
        for hold in self._holds:
            hold.settle(usage)
        self._holds.clear()

    def failed(self, error: BaseException, *, begun: bool = False) -> None:
        """The attempt was sent and brought none; what it used is known only where the provider refused it unread.

        begun: its answer had begun as one that brings a reply, so whatever it says then, it may have cost something.
        """
        unreached = _is_unreached(error)
        nothing = not begun and _used_nothing(error)
        for hold in self._holds:
            if nothing:
                hold.release(sent=not unreached)
            else:
                hold.keep()
        self._holds.clear()

    def give_back(self) -> None:
        """The attempt does not go out."""
        for hold in self._holds:
            hold.release(sent=False)
        for passed in self._passed:
            passed.give_back()
        self._holds.clear()
        self._passed.clear()


def _used_nothing(error: BaseException) -> bool:
    if isinstance(error, ProviderError) and error.status is not None:
        return (400 <= error.status < 500 and error.status != 408) or error.status in _REFUSED_UNREAD
    return _is_unreached(error)


def _is_unreached(error: BaseException) -> bool:
    cause = error.__cause__
    return isinstance(error, ModelConnectionError) and isinstance(cause, NetError) and cause.unreached
