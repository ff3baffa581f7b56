"""What tokens cost. Sums are kept in whole picodollars (1e-12 dollars), so that they are exact."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import msgspec

from aiocrew.errors import BlueprintError
from aiocrew.types.usage import Usage

__all__ = ["PICODOLLARS", "Price"]

PICODOLLARS = 10**12
"""In one dollar. A price of one dollar for a million tokens is a million of them for a token."""

_FOR_A_MILLION = PICODOLLARS // 10**6


class Price(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Dollars for a million tokens.

    cached_usd: for tokens of the prompt that the provider had cached; without it they cost as others.
    cache_write_usd: for tokens that the provider puts into its cache; without it they cost as others.
    request_usd: for each request beside its tokens.
    tiers: other prices for long prompts, shortest first; ((200_000, Price(...)),) is the price of all tokens of a call
        whose prompt has more than 200,000.

    Raises BlueprintError for a price that is no number or below 0, and for tiers that are not in order.
    """

    input_usd: float
    output_usd: float
    cached_usd: float | None = None
    cache_write_usd: float | None = None
    request_usd: float = 0.0
    tiers: tuple[tuple[int, Price], ...] = ()

    def __post_init__(self) -> None:
        for name in ("input_usd", "output_usd", "cached_usd", "cache_write_usd", "request_usd"):
            value = getattr(self, name)
            if value is None and name in ("cached_usd", "cache_write_usd"):
                continue
            if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < math.inf:
                raise BlueprintError(f"Price({name}={value!r}) must be a number of dollars, 0 or more")
        tiers: Any = self.tiers
        lengths = [above for above, _ in self.tiers]
        if not isinstance(tiers, tuple) or lengths != sorted(set(lengths)):
            raise BlueprintError(
                f"Price(tiers=...) must be a tuple, shortest prompts first and each length once; it is {tiers!r}"
            )

    def cost_usd(self, usage: Usage) -> float:
        """Return what the tokens of one call cost."""
        return self.cost_picodollars(usage) / PICODOLLARS

    def most_usd(self, prompt_tokens: int, reply_tokens: int) -> float:
        """Return what a call costs at most that has no more tokens than these."""
        prompt, each = self.most_picodollars(prompt_tokens)
        return (prompt + reply_tokens * each) / PICODOLLARS

    def cost_picodollars(self, usage: Usage) -> int:
        """Return what the tokens of one call cost; a price finer than a picodollar a token is rounded up."""
        *_, price = self._reached(usage.prompt_tokens)
        plain = max(0, usage.prompt_tokens - usage.cached_prompt_tokens - usage.cache_creation_tokens)
        return (
            _whole(price.request_usd * PICODOLLARS)
            + plain * _each(price.input_usd)
            + usage.cached_prompt_tokens * _each(price.input_usd if price.cached_usd is None else price.cached_usd)
            + usage.cache_creation_tokens
            * _each(price.input_usd if price.cache_write_usd is None else price.cache_write_usd)
            + usage.completion_tokens * _each(price.output_usd)
        )

    def most_picodollars(self, prompt_tokens: int) -> tuple[int, int]:
        """Return what a request with no longer a prompt costs at most, and then each token of its replies."""
        reached = list(self._reached(prompt_tokens))
        prompt = max(max(price.input_usd, price.cached_usd or 0, price.cache_write_usd or 0) for price in reached)
        request = _whole(max(price.request_usd for price in reached) * PICODOLLARS)
        return request + prompt_tokens * _each(prompt), _each(max(price.output_usd for price in reached))

    def _reached(self, prompt_tokens: int) -> Iterator[Price]:
        """Give the prices of prompts up to this length, that of the longest last."""
        yield self
        for above, tier in self.tiers:
            if prompt_tokens > above:
                yield tier


def _each(usd: float) -> int:
    return _whole(usd * _FOR_A_MILLION)


def _whole(picodollars: float) -> int:
    # 1.1 dollars are 1100000.0000000002 picodollars a token to a float: that is no reason to round up.
    nearest = round(picodollars)
    return nearest if math.isclose(picodollars, nearest, rel_tol=1e-14) else math.ceil(picodollars)
