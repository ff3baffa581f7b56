"""A dollar that many concurrent runs share is never passed, whatever becomes of their calls.

The provider is modelled as it is: it counts tokens by its own vocabulary, bills what it computed, also when nobody
waits for the reply any more, and does not tell what it counted when the connection breaks.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

import pytest

from aiocrew.admission.budget import Budget
from aiocrew.errors import BudgetExceededError
from aiocrew.models.bounds import prompt_bound
from aiocrew.models.endpoint import Endpoint
from aiocrew.models.wire_request import encode_request
from aiocrew.types.messages import Request, System, User
from aiocrew.types.prices import Price
from aiocrew.types.terms import Bound, Hold
from aiocrew.types.usage import Usage
from tests.doubles import VirtualTimeLoop

RUNS, SEEDS = 100, 1_000
LIMIT_USD = 1
SYSTEM = System("You are careful.")
TEXTS = (
    "Summarize the report. ",
    "研究报告的要点是什么?",
    "보고서를 요약해 주세요. ",
    "مرحبا ",
    "👩‍👩‍👧‍👦🏳️‍🌈 ",
    "ﷺ",
    "\ud83d broken ",
)
ENDPOINT = Endpoint(provider="openai", model="m", label="openai/m", url="http://api.test")
PRICES = (
    Price(input_usd=0.15, output_usd=0.6, cached_usd=0.075),
    Price(input_usd=3.0, output_usd=15.0, cached_usd=0.3, cache_write_usd=3.75),
    Price(input_usd=1.1, output_usd=4.4, request_usd=0.0007),
    Price(input_usd=1.25, output_usd=10.0, tiers=((2_000, Price(input_usd=2.5, output_usd=15.0)),)),
)


def exact(usd: float) -> Fraction:
    return Fraction(str(usd))


def rates(price: Price) -> tuple[int, int, int, int, int]:
    """Return picodollars a request, and a token of prompt, cache, cache write and reply; none of these has a part."""
    cached = price.input_usd if price.cached_usd is None else price.cached_usd
    written = price.input_usd if price.cache_write_usd is None else price.cache_write_usd
    each = [exact(usd) * 10**6 for usd in (price.input_usd, cached, written, price.output_usd)]
    assert all(rate.denominator == 1 for rate in each)
    request, *tokens = map(int, (exact(price.request_usd) * 10**12, *each))
    return request, tokens[0], tokens[1], tokens[2], tokens[3]


RATES = [(rates(price), [(above, rates(tier)) for above, tier in price.tiers]) for price in PRICES]


class Prompt(NamedTuple):
    most_tokens: int
    """What the code under test says."""
    size: int
    """Bytes of text."""


def prompts() -> Iterator[Prompt]:
    for text in TEXTS:
        for times in (1, 10, 60, 200):
            request = Request((SYSTEM, User(text * times)))
            body = encode_request(ENDPOINT, request, stream=False)
            size = sum(len(message.text.encode("utf-8", "replace")) for message in request.messages)
            yield Prompt(prompt_bound(ENDPOINT, body, False), size)


PROMPTS = list(prompts())


@dataclass
class Provider:
    """Counts and bills by itself, in whole picodollars, without the code under test."""

    chance: random.Random
    billed: int = 0
    calls: Counter[str] = field(default_factory=Counter)

    def compute(self, prompt: Prompt, model: int, max_tokens: int) -> Usage:
        # A tokenizer at its worst for some texts: a token for every byte, and a template around the messages.
        tokens = int(prompt.size * self.chance.choice((0.3, 1.0))) + 100
        cached = self.chance.randrange(tokens // 2)
        written = self.chance.randrange(tokens - cached)
        reply = min(int(self.chance.lognormvariate(6, 1.5)), max_tokens)
        rate, longer = RATES[model]
        for above, of_longer in longer:
            rate = of_longer if tokens > above else rate
        used = (1, tokens - cached - written, cached, written, reply)
        self.billed += sum(number * each for number, each in zip(used, rate, strict=True))
        return Usage(tokens, reply, cached, written)


async def pause(chance: random.Random) -> None:
    """Return after up to four seconds, in quarters, so that much happens in the same tick."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    loop.call_later(chance.randrange(1, 17) / 4, lambda: over.done() or over.set_result(None))
    await over


async def one_call(budget: Budget, provider: Provider, model: int, prompt: Prompt, max_tokens: int | None) -> None:
    """A call with its attempts, as a model makes it: each attempt reserves, and settles by what is known of it."""
    bound = Bound(prompt.most_tokens, max_tokens, "m", PRICES[model])
    for _ in range(3):
        hold = await budget.reserve(bound, unbounded=False)
        if await attempt(hold, provider, model, prompt):
            return


async def attempt(hold: Hold, provider: Provider, model: int, prompt: Prompt) -> bool:
    chance = provider.chance
    fate = chance.choices(("reply", "refused", "reset", "mute"), (70, 10, 15, 5))[0]
    provider.calls[fate] += 1
    known: Usage | None = None
    try:
        if fate == "refused":  # 429: it computed nothing
            await pause(chance)
            hold.release(sent=True)
            return False
        usage = provider.compute(prompt, model, hold.reply_tokens)
        await pause(chance)  # who is cancelled here is billed all the same
        if fate == "reply":
            known = usage
        elif fate == "mute":
            known = Usage()
        return fate != "reset"
    finally:
        if known is None:
            hold.keep()  # changes nothing after a release
        else:
            hold.settle(known)


async def one_run(budget: Budget, provider: Provider) -> None:
    chance = provider.chance
    model = chance.randrange(len(PRICES))
    for _ in range(chance.randint(1, 2)):
        await one_call(budget, provider, model, chance.choice(PROMPTS), chance.choice((None, 64, 1_000, 4_000)))


async def schedule(seed: int) -> tuple[Budget, Provider, Counter[str]]:
    chance = random.Random(seed)
    budget, provider = Budget(usd=LIMIT_USD), Provider(chance)
    runs = [asyncio.ensure_future(one_run(budget, provider)) for _ in range(RUNS)]
    loop = asyncio.get_running_loop()
    for run in chance.sample(runs, RUNS // 10):
        loop.call_later(chance.randrange(40) / 4, run.cancel)
    ends = await asyncio.gather(*runs, return_exceptions=True)
    return budget, provider, Counter(type(end).__name__ for end in ends)


@pytest.mark.timeout(240)
def test_a_dollar_for_a_hundred_runs_is_never_passed_in_a_thousand_schedules() -> None:
    fates: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    most = 0
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        for seed in range(SEEDS):
            budget, provider, ended = runner.run(schedule(seed))
            assert provider.billed <= LIMIT_USD * 10**12, seed
            spent = budget.spent.usd
            assert spent is not None
            assert provider.billed <= exact(spent) * 10**12 <= LIMIT_USD * 10**12, seed
            assert (budget.reserved.usd, budget.waiting, budget.exceeded) == (0, 0, 0), seed
            assert ended.keys() <= {"NoneType", "CancelledError", BudgetExceededError.__name__}, seed
            fates += provider.calls
            ends += ended
            most = max(most, provider.billed)
    # The schedules are no idle ones: every fate occurs, every end, and the money is nearly all spent.
    assert all(fates[fate] > SEEDS for fate in ("reply", "refused", "reset", "mute"))
    assert all(ends[end] > SEEDS for end in ("NoneType", "CancelledError", "BudgetExceededError"))
    assert most > 0.8 * 10**12
