"""What a run's calls used, counted on the way to its readers, and what that cost."""

from __future__ import annotations

import re

import msgspec

from aiocrew.types.context import Readers
from aiocrew.types.events import Event, LLMCallCompleted
from aiocrew.types.paths import Path
from aiocrew.types.spending import Charge, Spent
from aiocrew.types.usage import Usage, UsageMetrics

__all__ = ["CountsFor", "Spending", "UsageCounter"]

# The run that a call belongs to is the innermost one on its path.
_TASK = re.compile(r"(?:.*/)?run(?:-\d+)?/(?:task-(\d+)/)?")


class _Call(msgspec.Struct, frozen=True, gc=False):
    """One call, as a Charge."""

    path: Path
    agent: str
    model: str
    usage: Usage
    cost_usd: float | None

    @property
    def calls(self) -> int:
        return 1

    @property
    def task(self) -> int | None:
        found = _TASK.match(self.path)
        return int(found[1]) if found and found[1] else None

    def cost(self) -> float | None:
        if self.cost_usd is not None:
            return self.cost_usd
        from aiocrew.models.prices import known_price  # only who asks for the cost needs it

        price = known_price(self.model)
        if price is not None:
            return price.cost_usd(self.usage)
        return None if self.usage.prompt_tokens or self.usage.completion_tokens else 0.0


class Spending(msgspec.Struct, frozen=True, gc=False):
    """A Costing: what calls cost, looked up when it is asked for. It can be pickled."""

    charges: tuple[Charge, ...]

    def __call__(self) -> float | None:
        return Spent(self.charges).cost_usd


class UsageCounter(Readers):
    """A run's readers, and before them what keeps the usage of every call that was completed."""

    # Both in one: a run has as few objects as can be, for the collector looks at each of them.
    __slots__ = ("_calls",)

    def __init__(self) -> None:
        super().__init__()
        self._calls: list[_Call] = []

    def count(self, event: LLMCallCompleted) -> None:
        """Count a call."""
        self._calls.append(_Call(event.path, event.agent, event.model, event.usage, event.cost_usd))

    def emit(self, event: Event) -> None:
        """Tell the readers, and count what counts."""
        if type(event) is LLMCallCompleted:
            self.count(event)
        super().emit(event)

    def total(self) -> UsageMetrics:
        """Return the sum so far."""
        return UsageMetrics.sum_of([call.usage for call in self._calls])

    def costing(self) -> Spending:
        """Return what tells the cost of the calls so far: by the user's own price, else by the price list."""
        return Spending(tuple(self._calls))


class CountsFor:
    """A reader that counts calls of a run inside another one for that other one, too."""

    __slots__ = ("_counter",)

    def __init__(self, counter: UsageCounter) -> None:
        self._counter = counter

    def emit(self, event: Event) -> None:
        if type(event) is LLMCallCompleted:
            self._counter.count(event)
