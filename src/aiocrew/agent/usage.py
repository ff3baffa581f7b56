"""The reader of events that counts a run's tokens, and what they cost."""

from __future__ import annotations

import msgspec

from aiocrew.types.events import Event, LLMCallCompleted
from aiocrew.types.outputs import Costing
from aiocrew.types.usage import Usage, UsageMetrics

__all__ = ["UsageCounter"]


class _Call(msgspec.Struct, frozen=True, gc=False):
    model: str
    usage: Usage
    cost_usd: float | None

    def cost(self) -> float | None:
        if self.cost_usd is not None:
            return self.cost_usd
        from aiocrew.models.prices import known_price  # only who asks for the cost needs it

        price = known_price(self.model)
        if price is not None:
            return price.cost_usd(self.usage)
        return None if self.usage.prompt_tokens or self.usage.completion_tokens else 0.0


class _Costs(msgspec.Struct, frozen=True, gc=False):
    """A Costing: what calls cost, looked up when it is asked for. It can be pickled."""

    calls: tuple[_Call, ...]

    def __call__(self) -> float | None:
        total = 0.0
        for call in self.calls:
            cost = call.cost()
            if cost is None:
                return None
            total += cost
        return total


class UsageCounter:
    """Keeps the usage of every call that was completed; adds it up when asked."""

    __slots__ = ("_calls",)

    def __init__(self) -> None:
        self._calls: list[_Call] = []

    def emit(self, event: Event) -> None:
        if type(event) is LLMCallCompleted:
            self._calls.append(_Call(event.model, event.usage, event.cost_usd))

    def total(self) -> UsageMetrics:
        """Return the sum so far."""
        return UsageMetrics.sum_of([call.usage for call in self._calls])

    def costing(self) -> Costing:
        """Return what tells the cost of the calls so far: by the user's own price, else by the price list."""
        return _Costs(tuple(self._calls))
