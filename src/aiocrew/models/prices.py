"""What a model costs by the price list of the extra `cost` (genai-prices), which is loaded when it is first asked.

The list is the one that is installed: its own way to fetch a newer one over the network is never used.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from aiocrew.aio.pool import run_in_thread
from aiocrew.models.providers import OFFLINE
from aiocrew.types.prices import Price

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelPrice, TieredPrices

    _Listed = Decimal | TieredPrices | None

__all__ = ["known_price", "load_price"]

_LISTED_AS = {
    "openai": "openai",
    "azure": "azure",
    "anthropic": "anthropic",
    "gemini": "google",
    "groq": "groq",
    "mistral": "mistral",
    "deepseek": "deepseek",
    "openrouter": "openrouter",
    "xai": "x-ai",
    "together": "together",
}
"""Our providers by the list's names. What runs on the user's own machines (ollama, vllm) has no price."""

_TOKENS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")
_FREE = Price(input_usd=0.0, output_usd=0.0)
_DAY = timedelta(days=1)
_QUARTER = timedelta(minutes=15)
_LONGEST_CALL = timedelta(hours=1)


def known_price(label: str) -> Price | None:
    """Return the price of the model that an LLM calls "provider/model"; None where it is not known.

    It is that of the provider's own service at its standard tier, also where a gateway stands before it. Where it
    changes in the course of the day, the dearest of the day. The offline model costs nothing. The first time this loads
    the list, which takes about half a second; without the extra there is none. It may be asked from any thread.
    """
    provider, _, model = label.partition("/")
    if provider == OFFLINE:
        return _FREE
    listed_as = _LISTED_AS.get(provider)
    if listed_as is None or not model:
        return None
    now = datetime.now(UTC)
    return _price_on(listed_as, model, datetime(now.year, now.month, now.day, tzinfo=UTC))


async def load_price(label: str) -> Price | None:
    """Return what `known_price` returns, and load the list in a thread, so that no event loop waits for it."""
    if label.partition("/")[0] in _LISTED_AS and not _snapshot.cache_info().currsize:
        await run_in_thread(_snapshot)
    return known_price(label)


@lru_cache(maxsize=1)
def _snapshot() -> DataSnapshot | None:
    # Here, because it brings an HTTP client: who has no budget in dollars and asks for no cost never loads it.
    try:
        from genai_prices.data import providers
        from genai_prices.data_snapshot import DataSnapshot
    except ImportError:
        return None
    return DataSnapshot(providers=providers, from_auto_update=False)


@lru_cache(maxsize=1024)
def _price_on(provider: str, model: str, day: datetime) -> Price | None:
    """Return the dearest price of a UTC day, and of the hour after it, in which its last calls end."""
    snapshot = _snapshot()
    if snapshot is None:
        return None
    try:
        _, listed = snapshot.find_provider_model(model, None, provider, None)
    except LookupError:
        return None
    moments = (day + number * _QUARTER for number in range((_DAY + _LONGEST_CALL) // _QUARTER))
    return _dearest(list({id(prices): prices for prices in map(listed.get_prices, moments)}.values()))


def _dearest(lists: list[ModelPrice]) -> Price | None:
    """Return the price of text that is nowhere below any of these; None where one does not have it by tokens."""
    if any(listed.input_mtok is None or listed.output_mtok is None for listed in lists):
        return None

    def most(name: str, prompt_tokens: int) -> float:
        # A list without a price of its own for cached tokens counts them as others.
        return max(_at(_own(getattr(listed, name), listed.input_mtok), prompt_tokens) for listed in lists)

    def at(prompt_tokens: int, tiers: tuple[tuple[int, Price], ...] = ()) -> Price:
        return Price(
            input_usd=most("input_mtok", prompt_tokens),
            output_usd=max(_at(listed.output_mtok, prompt_tokens) for listed in lists),
            cached_usd=most("cache_read_mtok", prompt_tokens),
            cache_write_usd=most("cache_write_mtok", prompt_tokens),
            request_usd=max(_at(listed.requests_kcount, prompt_tokens) for listed in lists) / 1000,
            tiers=tiers,
        )

    starts = {start for listed in lists for name in _TOKENS for start in _starts(getattr(listed, name))}
    return at(0, tuple((start, at(start + 1)) for start in sorted(starts)))


def _own(listed: _Listed, instead: _Listed) -> _Listed:
    return instead if listed is None else listed


def _starts(listed: _Listed) -> list[int]:
    return [] if listed is None or isinstance(listed, Decimal) else [tier.start for tier in listed.tiers]


def _at(listed: _Listed, prompt_tokens: int) -> float:
    """Return one price of the list for a prompt of this length; a tier holds for all tokens of a longer prompt."""
    if listed is None:
        return 0.0
    if isinstance(listed, Decimal):
        return float(listed)
    price = listed.base
    for tier in listed.tiers:
        if prompt_tokens > tier.start:
            price = tier.price
    return float(price)
