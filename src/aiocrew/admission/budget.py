"""A budget in dollars, tokens or requests: what a call may use is set aside before it is sent, and settled after it."""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import threading
import time
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, assert_never
from weakref import WeakSet

import msgspec

from aiocrew.admission.ledger import Amount, Granted, Ledger, Limits, Need, Refused, Unit, Wait
from aiocrew.admission.turns import Place, Turns
from aiocrew.admission.turnstile import is_owned
from aiocrew.errors import BlueprintError, BudgetExceededError
from aiocrew.types.prices import PICODOLLARS, Price
from aiocrew.types.terms import Bound, Hold
from aiocrew.types.usage import Usage

__all__ = ["Amounts", "Budget"]

_LEAST_REPLY_TOKENS = 256
"""With less room than this for its reply a call is refused rather than sent to be cut off."""

_numbers = itertools.count()
_budgets: WeakSet[Budget] = WeakSet()


class Amounts(msgspec.Struct, frozen=True, gc=False):
    """So many dollars, tokens and requests.

    None: of what is left, that there is no limit; of what is spent or reserved, that a price is not known.
    """

    usd: float | None
    tokens: int | None
    requests: int | None


class _Waiter:
    """A call in line: the loop to which it belongs, and the future that wakes it."""

    __slots__ = ("future", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.future: asyncio.Future[None] = loop.create_future()

    def renew(self) -> asyncio.Future[None]:
        self.future = self.loop.create_future()
        return self.future

    def wake(self) -> None:
        if not self.future.done():
            self.future.set_result(None)


class Budget:
    """What calls may cost, for any number of runs, event loops and threads of this process together. A Purse.

    usd, tokens, requests: the limits, at least one. Tokens are those of prompts and replies, a request is an attempt.
    reply_tokens: room for the reply of a call whose LLM sets no max_tokens; its request is sent with that limit. When
        less is left and no other call is open it is sent with what is left, down to 256.

    A call whose price, prompt and longest reply do not fit waits while other calls are open, because they may use less
    than was set aside for them; calls wait in the order in which they came. When they do not fit what is not spent it
    is refused, before anything is sent. What a provider reports above what was set aside counts as it reports it.

    A forked child goes on from what was spent at the fork. From then on the two count apart, and the parent's open
    calls are the parent's.
    """

    def __init__(
        self,
        *,
        usd: float | None = None,
        tokens: int | None = None,
        requests: int | None = None,
        reply_tokens: int = 8192,
    ) -> None:
        _check_limits(usd, tokens, requests, reply_tokens)
        limits = Limits(None if usd is None else round(usd * PICODOLLARS), tokens, requests)
        self._reply_tokens = reply_tokens
        self._usd = usd
        self._ledger = Ledger(limits)
        self._turns: Turns[_Waiter] = Turns()
        self._unpriced = False
        self._order = next(_numbers)
        self._lock = threading.RLock()  # reentrant: the collector may close an abandoned call at any point
        self._ended: deque[tuple[int, Amount | None]] = deque()
        """Holds that have ended, and what they used, before the ledger knows of it."""
        self._gone: deque[Place[_Waiter]] = deque()
        """Those who have given up waiting and are to be taken out of line."""
        _budgets.add(self)

    @property
    def counts_money(self) -> bool:
        """Whether it is in dollars, so that prices must be known."""
        return self._usd is not None

    @property
    def order(self) -> int:
        """This budget's number among all of the process."""
        return self._order

    @property
    def spent(self) -> Amounts:
        """What ended calls used; where that is not known, all that was set aside for them."""
        return self._shown(self._ledger.spent)

    @property
    def reserved(self) -> Amounts:
        """What is set aside for calls under way."""
        return self._shown(self._ledger.set_aside)

    @property
    def left(self) -> Amounts:
        """What can still be set aside; never below 0."""
        ledger = self._ledger
        left = ledger.limits.less(ledger.spent + ledger.set_aside)
        usd = None if left.picodollars is None else max(0, left.picodollars) / PICODOLLARS
        return Amounts(usd, _not_below_0(left.tokens), _not_below_0(left.requests))

    @property
    def exceeded(self) -> int:
        """How many calls went out beyond the limit, because they blocked a running loop and so could not wait."""
        return self._ledger.exceeded

    @property
    def waiting(self) -> int:
        """How many calls wait for others to end."""
        with self._books():
            return len(self._turns)

    def __repr__(self) -> str:
        limits = (
            ("usd", self._usd),
            ("tokens", self._ledger.limits.tokens),
            ("requests", self._ledger.limits.requests),
        )
        given = ", ".join(f"{name}={value}" for name, value in limits if value is not None)
        return f"<Budget({given}) spent={self.spent} reserved={self.reserved}>"

    def _shown(self, amount: Amount) -> Amounts:
        return Amounts(None if self._unpriced else amount.picodollars / PICODOLLARS, amount.tokens, amount.requests)

    async def reserve(self, bound: Bound, *, unbounded: bool) -> Hold:
        """Set aside what a call may use at most, and return its hold, which must be ended.

        Waits while only what is set aside for others stands in the way; a cancelled call leaves no trace. `unbounded`
        never waits: where it would, it exceeds the limit, and that is counted. Raises BudgetExceededError when the call
        would not fit even if all others ended at no cost, BlueprintError when the budget is in dollars and the model's
        price is not known.
        """
        need = self._need(bound)
        with self._books():
            decision = self._ledger.reserve(need, unbounded=unbounded, others_wait=bool(self._turns))
        if isinstance(decision, Wait):
            decision = await self._wait(need)
        match decision:
            case Granted():
                if bound.price is None:
                    self._unpriced = True
                return _BudgetHold(self, decision, bound.price)
            case Refused(by=by):
                raise BudgetExceededError(self._refusal(bound, need, by))
            case _:
                assert_never(decision)

    def _need(self, bound: Bound) -> Need:
        price, replies = bound.price, bound.replies
        if price is None and self._usd is not None:
            raise BlueprintError(
                f"Budget(usd={self._usd}): no price is known for {bound.model}. Say what it costs with "
                f"LLM(..., price=Price(input_usd=..., output_usd=...)), or install the price list: aiocrew[cost]"
            )
        prompt_price, token_price = (0, 0) if price is None else price.most_picodollars(bound.prompt_tokens)
        given = bound.reply_tokens
        return Need(
            Amount(prompt_price, bound.prompt_tokens, 1),
            Amount(token_price * replies, replies, 0),
            asked=self._reply_tokens if given is None else given,
            least=min(self._reply_tokens, _LEAST_REPLY_TOKENS) if given is None else given,
        )

    async def _wait(self, need: Need) -> Granted | Refused:
        """Get in line; return what is decided when it is this call's turn and no longer only a matter of waiting."""
        waiter = _Waiter(asyncio.get_running_loop())
        with self._books():
            place = self._turns.enter(waiter.loop, waiter)
        try:
            while True:
                with self._books():
                    wait_s = self._turns.answer(place, time.monotonic())
                    if wait_s is not None and wait_s <= 0:
                        decision = self._ledger.reserve(need)
                        if not isinstance(decision, Wait):
                            return decision
                    called = waiter.renew()
                # Another loop has not answered its call yet: after that time it is passed over.
                again = waiter.loop.call_later(wait_s, waiter.wake) if wait_s else None
                try:
                    await called
                finally:
                    if again is not None:
                        again.cancel()
        finally:
            self._gone.append(place)
            self._call_next()

    def end(self, number: int, used: Amount | None) -> None:
        """End a hold (a Hold's own affair); the second time changes nothing."""
        self._ended.append((number, used))
        self._call_next()

    @contextmanager
    def _books(self) -> Generator[None]:
        """Hold the lock, with all entered that has ended."""
        with self._lock:
            self._tidy()
            yield
        if self._ended or self._gone:
            self._call_next()

    def _tidy(self) -> None:
        while self._ended:
            self._ledger.end(*self._ended.popleft())
        while self._gone:
            self._turns.leave(self._gone.popleft())

    def _call_next(self) -> None:
        """Enter into the books what has ended, and tell those whose turn may have come."""
        # Where the collector ends a call in the midst of the books, whoever is at work on them does this afterwards.
        if is_owned(self._lock):
            return
        calls = self._calls()
        while calls:
            waiter = calls.pop(0).owner
            if waiter.loop is asyncio._get_running_loop():
                waiter.wake()
                continue
            try:
                waiter.loop.call_soon_threadsafe(waiter.wake)
            except RuntimeError:  # closed by hand with waiters in it: they will never come
                with self._lock:
                    self._turns.drop(waiter.loop)
                calls += self._calls()

    def _calls(self) -> list[Place[_Waiter]]:
        calls: list[Place[_Waiter]] = []
        while True:
            with self._lock:
                self._tidy()
                if self._turns:
                    calls += self._turns.calls(time.monotonic())
            if not self._ended and not self._gone:
                return calls

    def _refusal(self, bound: Bound, need: Need, by: Sequence[Unit]) -> str:
        least, spent, limits = need.at(need.least), self._ledger.spent, self._ledger.limits
        words: list[str] = []
        for unit in by:
            match unit:
                case "usd":
                    words.append(
                        f"{spent.picodollars / PICODOLLARS:.6g} of {self._usd:.6g} dollars are spent, and it may cost "
                        f"{least.picodollars / PICODOLLARS:.6g}"
                    )
                case "tokens":
                    words.append(
                        f"{spent.tokens} of {limits.tokens} tokens are spent, and it may use {least.tokens} (prompt up "
                        f"to {bound.prompt_tokens}, reply up to {need.least * bound.replies})"
                    )
                case "requests":
                    words.append(f"{spent.requests} of {limits.requests} requests are made")
                case _:
                    assert_never(unit)
        return (
            f"a call of {bound.model} was not sent, its budget does not cover it: {'; '.join(words)}. Give the run a "
            f"larger Budget, or make the call smaller: LLM(max_tokens=...), a shorter prompt, a cheaper model."
        )

    def forget(self) -> None:
        """Start anew in a forked child, where none of the parent's calls is; what is spent stays spent."""
        self._lock = threading.RLock()
        self._turns = Turns()
        self._ended.clear()
        self._gone.clear()
        self._ledger.forget_open()


class _BudgetHold:
    """What is set aside for one call."""

    __slots__ = ("_budget", "_number", "_price", "reply_tokens")

    def __init__(self, budget: Budget, granted: Granted, price: Price | None) -> None:
        self._budget = budget
        self._number = granted.number
        self._price = price
        self.reply_tokens = granted.reply_tokens

    def settle(self, usage: Usage) -> None:
        """The call used just this. A usage without any token, or with less than none, is none that is known: `keep`."""
        counts = (usage.prompt_tokens, usage.completion_tokens)
        if not any(counts) or min(counts) < 0 or min(usage.cached_prompt_tokens, usage.cache_creation_tokens) < 0:
            self.keep()
            return
        cost = 0 if self._price is None else self._price.cost_picodollars(usage)
        self._budget.end(self._number, Amount(cost, usage.prompt_tokens + usage.completion_tokens, 1))

    def keep(self) -> None:
        """Nobody knows what the call used: it counts as all that was set aside."""
        self._budget.end(self._number, None)

    def release(self, *, sent: bool) -> None:
        """The call used no token; where it was `sent` it was a request all the same."""
        self._budget.end(self._number, Amount(requests=1 if sent else 0))


def _not_below_0(number: int | None) -> int | None:
    return None if number is None else max(0, number)


def _check_limits(usd: Any, tokens: Any, requests: Any, reply_tokens: Any) -> None:
    if usd is None and tokens is None and requests is None:
        raise BlueprintError("Budget() limits nothing: give it usd=, tokens= or requests=")
    if usd is not None and (isinstance(usd, bool) or not isinstance(usd, int | float) or not 0 < usd < math.inf):
        raise BlueprintError(f"Budget(usd={usd!r}) must be a number of dollars above 0")
    for name, value in (("tokens", tokens), ("requests", requests), ("reply_tokens", reply_tokens)):
        if value is None and name != "reply_tokens":
            continue
        if type(value) is not int or value < 1:
            raise BlueprintError(f"Budget({name}={value!r}) must be a whole number above 0")


def _forget_all() -> None:
    for budget in list(_budgets):
        budget.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
