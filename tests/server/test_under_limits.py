"""A provider that allows 20 requests a second: every input gets its reply, and few requests are refused.

The first requests decide how many are refused, so a part of the 200 inputs will do here. All of them, and how long they
take, stand in the benchmarks (`--rows limits`).
"""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import aiohttp
import pytest

from aiocrew import LLM, Outcomes
from tests.server.crews import crew_for
from tests.server.limited import Allowance, LimitedProvider, WaitForm, Waiting

RATE, BURST = 20.0, 20.0
LATENCY_S = 0.2
A_SECOND = Waiting(1.0)


async def run_batch(provider: LimitedProvider, inputs: int, text: str = "input {n}", **fields: Any) -> Outcomes:
    """Run so many inputs of one call each, without a word of the limits; every one of them gets its own reply."""
    llm = LLM("gpt-4o-mini", base_url=provider.base_url, api_key="sk-test", **fields)
    outcomes = await crew_for(text, llm=llm).kickoff_for_each_async([{"n": n} for n in range(inputs)])
    assert [outcome.error for outcome in outcomes] == [None] * inputs
    assert [outcome.raw for outcome in outcomes] == [f"re: {text.format(n=n)}" for n in range(inputs)]
    return outcomes


def limited(**fields: Any) -> LimitedProvider:
    return LimitedProvider(allowance=Allowance(RATE, BURST), waiting=A_SECOND, latency_s=LATENCY_S, **fields)


async def test_few_requests_are_refused_while_a_rate_is_learned_and_learned_anew_and_fewer_where_it_is_told() -> None:
    inputs, before, in_the_end = 110, 40, 20

    def halve(number: int) -> None:
        if number == before:
            halved.change(RATE / 2, BURST / 2)

    # Side by side, because each takes seconds; but their first bursts, which count most, do not meet.
    async def later(turn: int, provider: LimitedProvider, inputs: int) -> None:
        await asyncio.sleep(0.6 * turn)
        await run_batch(provider, inputs)

    with limited() as untold, limited(tells=True) as told, limited(on_accepted=halve) as halved:
        await asyncio.gather(later(0, halved, inputs), later(1, untold, 100), later(2, told, 70))
    assert untold.rejected <= 20
    assert told.rejected <= 5
    assert halved.count("rejected", among=halved.seen[-in_the_end:]) <= 0.05 * in_the_end
    assert [untold.accepted, told.accepted, halved.accepted] == [100, 70, inputs]


@pytest.mark.parametrize("waiting", [None, Waiting(0.05, "ms")], ids=["nothing said", "when to come again"])
async def test_a_limit_on_calls_in_flight_is_found_and_kept(waiting: Waiting | None) -> None:
    inputs, most = 48, 8
    with LimitedProvider(most_in_flight=most, waiting=waiting, latency_s=0.05) as provider:
        await run_batch(provider, inputs)
    assert provider.peak == most
    assert provider.rejected <= inputs / 2


async def test_what_one_batch_learned_holds_for_the_crews_and_models_of_another() -> None:
    with limited() as provider:
        await run_batch(provider, 30)
        sent = len(provider.seen)
        await run_batch(provider, 20, "other input {n}", temperature=0.1)
    assert provider.count("rejected", among=provider.seen[sent:]) <= 2


async def ask(provider: LimitedProvider) -> tuple[int, dict[str, str]]:
    body: dict[str, Any] = {"messages": [{"role": "user", "content": "input 1"}]}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{provider.base_url}/chat/completions", json=body) as response,
    ):
        await response.read()
        return response.status, {name.lower(): value for name, value in response.headers.items()}


async def test_the_provider_says_exactly_what_its_bucket_holds() -> None:
    with LimitedProvider(allowance=Allowance(rate=0.01, burst=2), tells=True) as provider:
        answers = [await ask(provider) for _ in range(3)]
    assert [status for status, _ in answers] == [200, 200, 429]
    assert [headers["x-ratelimit-limit-requests"] for _, headers in answers] == ["2", "2", "2"]
    assert [headers["x-ratelimit-remaining-requests"] for _, headers in answers] == ["1", "0", "0"]
    assert answers[0][1]["x-ratelimit-reset-requests"] == "100000.000ms"


@pytest.mark.parametrize("form", ["seconds", "date", "ms"])
async def test_the_provider_says_when_to_come_again_in_each_form(form: WaitForm) -> None:
    with LimitedProvider(most_in_flight=0, waiting=Waiting(2.0, form)) as provider:
        status, headers = await ask(provider)
    assert status == 429
    assert {"seconds": "retry-after", "date": "date", "ms": "retry-after-ms"}[form] in headers
    assert headers.get("retry-after-ms", "2000") == "2000"


def test_a_bucket_allows_its_burst_at_once_and_its_rate_from_then_on() -> None:
    allowance = Allowance(rate=10, burst=20)
    at_once = list(itertools.takewhile(bool, (allowance.take(5.0) for _ in itertools.count())))
    in_two_seconds = sum(allowance.take(5.0 + step / 100) for step in range(1, 201))
    assert (len(at_once), in_two_seconds) == (20, 20)
    allowance.change(5, 10, 7.0)
    assert sum(allowance.take(7.0 + step / 100) for step in range(1, 201)) == 10
