"""What the model calls of runs used and cost: together, and split by task, agent and model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from aiocrew.types.usage import Usage, UsageMetrics

__all__ = [
    "Accounted",
    "Charge",
    "Charged",
    "Costing",
    "Spent",
    "charges_of",
    "spent_by_agent",
    "spent_by_model",
    "spent_by_task",
]


class Costing(Protocol):
    """Tells what the calls of a run cost together, in dollars; None where a price is not known."""

    def __call__(self) -> float | None: ...


class Charge(Protocol):
    """What one model call used, or several of one task, agent and model together."""

    @property
    def task(self) -> int | None:
        """The position of the task; None for a call that belongs to none."""
        ...

    @property
    def agent(self) -> str: ...

    @property
    def model(self) -> str: ...

    @property
    def usage(self) -> Usage: ...

    @property
    def calls(self) -> int: ...

    def cost(self) -> float | None:
        """Return dollars; None where the price is not known."""
        ...


@runtime_checkable
class Charged(Protocol):
    """A Costing that also knows the calls one by one."""

    @property
    def charges(self) -> tuple[Charge, ...]: ...


@dataclass(frozen=True, slots=True, repr=False)
class Spent:
    """What some of a run's model calls used and cost together. It can be pickled."""

    charges: tuple[Charge, ...] = ()

    @property
    def calls(self) -> int:
        """How many calls were completed."""
        return sum(charge.calls for charge in self.charges)

    @property
    def token_usage(self) -> UsageMetrics:
        """Their tokens, newly summed."""
        total = UsageMetrics.sum_of([charge.usage for charge in self.charges])
        total.successful_requests = self.calls
        return total

    @property
    def cost_usd(self) -> float | None:
        """What they cost, in dollars; None where the price of one of them is not known.

        The first time it may have to load the price list of the extra `cost`.
        """
        costs = [charge.cost() for charge in self.charges]
        known = [cost for cost in costs if cost is not None]
        return math.fsum(known) if len(known) == len(costs) else None

    def __repr__(self) -> str:
        return f"Spent(calls={self.calls}, total_tokens={self.token_usage.total_tokens})"


class Accounted:
    """Has what was used and spent by each agent and each model."""

    __slots__ = ()

    @property
    def charges(self) -> tuple[Charge, ...]:
        """The model calls, each with what it used and cost."""
        raise NotImplementedError

    @property
    def usage_by_agent(self) -> dict[str, Spent]:
        """What each agent's calls used and cost, by its role. Work that was handed on is the co-worker's."""
        return spent_by_agent(self.charges)

    @property
    def usage_by_model(self) -> dict[str, Spent]:
        """What the calls of each model used and cost, by its name."""
        return spent_by_model(self.charges)


def charges_of(costing: Costing | None) -> tuple[Charge, ...]:
    """Return the calls that `costing` is made of, as far as it knows them."""
    return costing.charges if isinstance(costing, Charged) else ()


def spent_by_task(charges: Sequence[Charge], tasks: int = 0) -> list[Spent]:
    """Return what each task used, in their order: of at least so many `tasks`, and of all that made a call."""
    groups: dict[int, list[Charge]] = {}
    for charge in charges:
        if charge.task is not None:
            groups.setdefault(charge.task, []).append(charge)
    number = max([tasks, *(task + 1 for task in groups)])
    return [Spent(tuple(groups.get(task, ()))) for task in range(number)]


def spent_by_agent(charges: Iterable[Charge]) -> dict[str, Spent]:
    """Return what each agent's calls used, by its role, in the order of their first calls."""
    return _spent_by(charges, lambda charge: charge.agent)


def spent_by_model(charges: Iterable[Charge]) -> dict[str, Spent]:
    """Return what the calls of each model used, by its name, in the order of their first calls."""
    return _spent_by(charges, lambda charge: charge.model)


def _spent_by(charges: Iterable[Charge], key: Callable[[Charge], str]) -> dict[str, Spent]:
    groups: dict[str, list[Charge]] = {}
    for charge in charges:
        groups.setdefault(key(charge), []).append(charge)
    return {name: Spent(tuple(of_one)) for name, of_one in groups.items()}
