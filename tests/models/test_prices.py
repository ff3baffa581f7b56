"""Prices from the list of the extra `cost`: which, when it is loaded, and that nothing goes out for it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from genai_prices.data_snapshot import DataSnapshot
from genai_prices.types import (
    ClauseEquals,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    Tier,
    TieredPrices,
    TimeOfDateConstraint,
)

from aiocrew.models import prices
from aiocrew.models.prices import known_price, load_price
from aiocrew.models.providers import PROVIDERS
from aiocrew.types.prices import Price

DAY = datetime(2026, 3, 1, tzinfo=UTC)


def of(usd: str, **more: Any) -> ModelPrice:
    return ModelPrice(input_mtok=Decimal(usd), output_mtok=Decimal(usd) * 4, **more)


MODELS: dict[str, ModelPrice | list[ConditionalPrice]] = {
    "plain": of("1"),
    "cached": of("1", cache_read_mtok=Decimal("0.1"), cache_write_mtok=Decimal("1.25")),
    "free-cache": of("1", cache_read_mtok=Decimal(0)),
    "requests": of("1", requests_kcount=Decimal(5)),
    "long": ModelPrice(
        input_mtok=TieredPrices(base=Decimal(1), tiers=[Tier(200_000, Decimal(2))]),
        output_mtok=TieredPrices(base=Decimal(4), tiers=[Tier(200_000, Decimal(6))]),
        cache_read_mtok=Decimal("0.1"),
    ),
    "off-peak": [
        ConditionalPrice(prices=of("1")),
        ConditionalPrice(TimeOfDateConstraint(time(6, 10, tzinfo=UTC), time(6, 40, tzinfo=UTC)), prices=of("3")),
    ],
    "dearer-tomorrow": [
        ConditionalPrice(prices=of("1")),
        ConditionalPrice(StartDateConstraint(date(2026, 3, 2)), prices=of("3")),
    ],
    "cheaper-since": [
        ConditionalPrice(prices=of("3")),
        ConditionalPrice(StartDateConstraint(date(2026, 1, 1)), prices=of("1")),
    ],
    "embedding": ModelPrice(input_mtok=Decimal(1)),
}


@pytest.fixture
def _list(monkeypatch: pytest.MonkeyPatch) -> None:
    models = [ModelInfo(name, ClauseEquals(name), prices=of_it) for name, of_it in MODELS.items()]
    snapshot = DataSnapshot([Provider("x-ai", "x", "https://x", models=models)], from_auto_update=False)
    monkeypatch.setattr(prices, "_snapshot", lambda: snapshot)


def listed(model: str) -> Price | None:
    return prices._price_on.__wrapped__("x-ai", model, DAY)


def plain(usd: float, **more: Any) -> Price:
    return Price(**{"input_usd": usd, "output_usd": usd * 4, "cached_usd": usd, "cache_write_usd": usd, **more})


@pytest.mark.usefixtures("_list")
@pytest.mark.parametrize(
    ("model", "price"),
    [
        ("plain", plain(1.0)),
        ("cached", plain(1.0, cached_usd=0.1, cache_write_usd=1.25)),
        ("free-cache", plain(1.0, cached_usd=0.0)),
        ("requests", plain(1.0, request_usd=0.005)),
        ("long", plain(1.0, cached_usd=0.1, tiers=((200_000, plain(2.0, output_usd=6.0, cached_usd=0.1)),))),
        ("off-peak", plain(3.0)),
        ("dearer-tomorrow", plain(3.0)),
        ("cheaper-since", plain(1.0)),
        ("embedding", None),
        ("unknown", None),
    ],
)
def test_the_list_becomes_a_price_and_the_dearest_of_the_day_counts(model: str, price: Price | None) -> None:
    assert listed(model) == price


@pytest.mark.parametrize(
    "label",
    [
        "openai/gpt-4o-mini",
        "azure/gpt-4o",
        "anthropic/claude-sonnet-4-5",
        "gemini/gemini-2.5-pro",
        "groq/llama-3.3-70b-versatile",
        "mistral/mistral-large-latest",
        "deepseek/deepseek-chat",
        "openrouter/anthropic/claude-sonnet-4.5",
        "xai/grok-4",
        "together/meta-llama/Llama-3.3-70B-Instruct-Turbo",
    ],
)
def test_every_provider_that_takes_money_is_in_the_list(label: str) -> None:
    price = known_price(label)
    assert price is not None
    assert price.input_usd > 0
    assert price.output_usd > 0


def test_who_takes_no_money_is_not_looked_for() -> None:
    paid = {label.partition("/")[0] for label in prices._LISTED_AS}
    assert PROVIDERS.keys() - paid == {"ollama", "vllm"}


@pytest.mark.parametrize("label", ["ollama/llama3", "vllm/m", "ScriptedModel", "openai/no-such-model", "openai/", ""])
def test_what_is_not_in_the_list_has_no_price(label: str) -> None:
    assert known_price(label) is None


def test_the_offline_model_costs_nothing() -> None:
    assert known_price("offline/demo") == Price(input_usd=0.0, output_usd=0.0)


async def test_the_list_is_loaded_in_a_thread_where_a_loop_would_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded_in: list[threading.Thread] = []
    real = prices._snapshot

    def snapshot() -> Any:
        loaded_in.append(threading.current_thread())
        return real()

    class Unloaded:
        currsize = 0

    snapshot.cache_info = Unloaded  # type: ignore[attr-defined]
    monkeypatch.setattr(prices, "_snapshot", snapshot)
    prices._price_on.cache_clear()
    assert await load_price("ollama/llama3") is None
    assert loaded_in == []
    found = await asyncio.gather(*(load_price("openai/gpt-4o-mini") for _ in range(3)))
    assert found[0] is not None
    assert found == [found[0]] * 3
    assert loaded_in[0] is not threading.main_thread()
    prices._price_on.cache_clear()


PROGRAM = """
import sys, threading
went_out = []
sys.addaudithook(lambda event, _: went_out.append(event) if event.startswith("socket.") else None)
import aiocrew.agent.usage
from aiocrew.models.prices import known_price
assert "genai_prices" not in sys.modules, "loaded by the import"
assert known_price("ollama/llama3") is None
assert "genai_prices" not in sys.modules, "loaded for a model that it does not have"
assert known_price("openai/gpt-4o-mini") is not None
print([event for event in went_out if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto")])
print(threading.active_count())
"""


def test_the_list_is_loaded_when_it_is_first_asked_and_nothing_goes_out_and_nothing_is_started() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (done.stdout.split("\n")[:2], done.stderr) == (["[]", "1"], "")


def test_without_the_extra_there_is_no_price_and_no_error() -> None:
    program = (
        "import sys\n"
        "sys.modules['genai_prices'] = None\n"
        "from aiocrew.models.prices import known_price\n"
        "print(known_price('openai/gpt-4o-mini'))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("None", "")
