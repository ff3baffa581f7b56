"""What tokens cost, exactly, and what they cost at most."""

from __future__ import annotations

import pickle
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.errors import BlueprintError
from aiocrew.types.prices import PICODOLLARS, Price
from aiocrew.types.usage import Usage

cents = st.integers(0, 10_000).map(lambda number: number / 100)
plain_prices = st.builds(
    Price,
    input_usd=cents,
    output_usd=cents,
    cached_usd=st.none() | cents,
    cache_write_usd=st.none() | cents,
    request_usd=cents,
)


@st.composite
def prices(draw: st.DrawFn) -> Price:
    base = draw(plain_prices)
    lengths = sorted(draw(st.sets(st.integers(0, 3_000), max_size=3)))
    return Price(
        input_usd=base.input_usd,
        output_usd=base.output_usd,
        cached_usd=base.cached_usd,
        cache_write_usd=base.cache_write_usd,
        request_usd=base.request_usd,
        tiers=tuple((length, draw(plain_prices)) for length in lengths),
    )


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    prompt = draw(st.integers(0, 4_000))
    cached = draw(st.integers(0, prompt))
    return Usage(prompt, draw(st.integers(0, 4_000)), cached, draw(st.integers(0, prompt - cached)))


@given(prices(), usages(), st.integers(0, 500), st.integers(0, 500))
def test_no_call_within_its_bounds_costs_more_than_the_most(
    price: Price, usage: Usage, spare_prompt: int, spare_reply: int
) -> None:
    prompt, each = price.most_picodollars(usage.prompt_tokens + spare_prompt)
    assert price.cost_picodollars(usage) <= prompt + (usage.completion_tokens + spare_reply) * each


@given(plain_prices, usages())
def test_the_cost_is_exact(price: Price, usage: Usage) -> None:
    def usd(value: float | None) -> Fraction:
        return Fraction(str(price.input_usd if value is None else value))

    plain = usage.prompt_tokens - usage.cached_prompt_tokens - usage.cache_creation_tokens
    tokens = (
        plain * usd(price.input_usd)
        + usage.cached_prompt_tokens * usd(price.cached_usd)
        + usage.cache_creation_tokens * usd(price.cache_write_usd)
        + usage.completion_tokens * usd(price.output_usd)
    )
    assert price.cost_picodollars(usage) == (usd(price.request_usd) + tokens / 10**6) * PICODOLLARS


def test_a_longer_prompt_has_the_price_of_its_tier_for_all_its_tokens() -> None:
    price = Price(input_usd=1.0, output_usd=10.0, tiers=((200_000, Price(input_usd=2.0, output_usd=15.0)),))
    assert price.cost_usd(Usage(200_000, 1_000)) == 0.21
    assert price.cost_usd(Usage(200_001, 1_000)) == 0.415002
    assert price.most_usd(200_000, 1_000) == 0.21
    assert price.most_usd(200_001, 1_000) == 0.415002


def test_a_price_finer_than_a_picodollar_is_rounded_up() -> None:
    assert Price(input_usd=1e-9, output_usd=0).cost_picodollars(Usage(3, 0)) == 3


@pytest.mark.parametrize(
    "fields",
    [
        {"input_usd": -1.0},
        {"output_usd": float("nan")},
        {"output_usd": None},
        {"cached_usd": "1"},
        {"request_usd": float("inf")},
        {"tiers": [(1, Price(input_usd=1, output_usd=1))]},
        {"tiers": ((9, Price(input_usd=1, output_usd=1)), (3, Price(input_usd=1, output_usd=1)))},
    ],
)
def test_a_price_that_is_none_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(BlueprintError, match="Price"):
        Price(**{"input_usd": 1.0, "output_usd": 1.0, **fields})  # type: ignore[arg-type]


def test_a_price_can_be_pickled_and_hashed() -> None:
    price = Price(input_usd=1.0, output_usd=10.0, tiers=((5, Price(input_usd=2.0, output_usd=15.0)),))
    assert {pickle.loads(pickle.dumps(price))} == {price}
