"""What runs may spend together, through real crews and the real path of a call; only the network is simulated."""

from __future__ import annotations

import asyncio
import os
import random
from typing import Any

import msgspec
import pytest

from aiocrew.admission.budget import Budget
from aiocrew.crew.crew import Crew
from aiocrew.errors import BlueprintError, BudgetExceededError, DeadlineExceededError
from aiocrew.models.chat import ChatModel
from aiocrew.models.llm import LLM
from aiocrew.net.exchange import Answer
from aiocrew.net.failures import NetError
from aiocrew.types.context import RunOptions
from aiocrew.types.outputs import Outcomes
from aiocrew.types.prices import PICODOLLARS, Price
from aiocrew.types.usage import Usage
from tests.crew.scenes import agent_with, task_for
from tests.doubles import ScriptedModel, on_virtual_time

PRICE = Price(input_usd=3.0, output_usd=6.0)
SEEDS = int(os.environ.get("AIOCREW_SOAK_SEEDS", "12"))


class PayingProvider:
    """Stands where the network begins: it bills what it computes, whether its reply arrives or not."""

    def __init__(self, chance: random.Random, *, faults: bool = True) -> None:
        self._chance = chance
        self._faults = faults
        self.billed = 0
        """Picodollars."""
        self.bodies: list[dict[str, Any]] = []

    async def post(self, body: bytes, timeout_s: float, timed_out: Any) -> Answer:
        chance = self._chance
        asked = msgspec.json.decode(body)
        self.bodies.append(asked)
        await asyncio.sleep(chance.expovariate(2.0))
        fault = chance.random() if self._faults else 1.0
        if fault < 0.05:
            return Answer(429, {"Retry-After": "1"}, b"{}")
        if fault < 0.1:
            return Answer(500, {}, b"{}")
        texts = "".join(message["content"] or "" for message in asked["messages"]).encode()
        prompt = chance.randint(len(texts) // 4, len(texts))  # a rare script costs a token for each byte
        most = asked.get("max_tokens") or asked["max_completion_tokens"]
        completion = min(most, int(chance.paretovariate(0.6) * 50))
        usage = Usage(prompt, completion)
        self.billed += PRICE.cost_picodollars(usage)
        if fault < 0.15:
            raise NetError("the connection broke", host="localhost", port=1)
        if fault < 0.2:
            await asyncio.sleep(1_000)
        reason = "length" if completion == most else "stop"
        choice = {"message": {"role": "assistant", "content": "答案"}, "finish_reason": reason}
        counts = {"prompt_tokens": prompt, "completion_tokens": completion}
        whole = msgspec.json.encode({"choices": [choice], "usage": counts, "model": "m"})
        return Answer(200, {}, whole[: len(whole) // 2] if fault < 0.25 else whole)


def crew_of(provider: PayingProvider, **fields: Any) -> Crew:
    settings = {"base_url": "http://localhost:1/v1", "api_key": f"k{id(provider)}", "price": PRICE, **fields}
    llm = LLM("openai/m", **settings)
    model = llm.resolve().model
    assert isinstance(model, ChatModel)
    model._target = provider  # type: ignore[assignment]
    agent = agent_with(llm)
    return Crew(agents=[agent], tasks=[task_for(agent), task_for(agent, "Go on with {topic}")])


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_hundred_runs_never_pass_their_dollar(seed: int) -> None:
    chance = random.Random(seed)
    provider = PayingProvider(chance)
    crew = crew_of(provider, timeout=20)
    budget = Budget(usd=1.0, reply_tokens=2_000)

    async def main() -> Outcomes:
        topics = [{"topic": "予算とトークン🎎 " * chance.randint(1, 40)} for _ in range(100)]
        options = RunOptions(budget=budget, deadline_s=chance.choice([60.0, None]))
        return await crew.kickoff_for_each_async(topics, options=options)

    outcomes = on_virtual_time(main)
    assert 0 < provider.billed <= PICODOLLARS
    assert any(isinstance(outcome.error, BudgetExceededError | DeadlineExceededError) for outcome in outcomes)
    assert budget.reserved.requests == 0
    assert budget.spent.usd is not None
    assert provider.billed <= budget.spent.usd * PICODOLLARS


def test_a_refused_call_is_not_sent() -> None:
    provider = PayingProvider(random.Random(0), faults=False)
    crew = crew_of(provider)
    with pytest.raises(BudgetExceededError, match="Give the run a larger Budget"):
        on_virtual_time(lambda: crew.kickoff_async({"topic": "x"}, options=RunOptions(budget=Budget(tokens=100))))
    assert provider.bodies == []


def test_a_call_without_a_limit_of_its_own_is_sent_with_the_budgets() -> None:
    provider = PayingProvider(random.Random(0), faults=False)
    crew = crew_of(provider)
    options = RunOptions(budget=Budget(usd=1.0, reply_tokens=700))
    on_virtual_time(lambda: crew.kickoff_async({"topic": "x"}, options=options))
    assert [body["max_tokens"] for body in provider.bodies] == [700, 700]


def test_a_limit_of_ones_own_is_left_alone() -> None:
    provider = PayingProvider(random.Random(0), faults=False)
    crew = crew_of(provider, max_tokens=50)
    on_virtual_time(lambda: crew.kickoff_async({"topic": "x"}, options=RunOptions(budget=Budget(usd=1.0))))
    assert [body["max_tokens"] for body in provider.bodies] == [50, 50]


def test_a_budget_in_dollars_needs_a_price() -> None:
    provider = PayingProvider(random.Random(0))
    crew = crew_of(provider, price=None)
    with pytest.raises(BlueprintError, match="no price is known for openai/m"):
        on_virtual_time(lambda: crew.kickoff_async({"topic": "x"}, options=RunOptions(budget=Budget(usd=1.0))))
    assert provider.bodies == []


def test_a_model_of_ones_own_pays_what_it_reports() -> None:
    agent = agent_with(ScriptedModel("one", "two"))
    crew = Crew(agents=[agent], tasks=[task_for(agent), task_for(agent)])
    budget = Budget(tokens=100_000)
    on_virtual_time(lambda: crew.kickoff_async({"topic": "x"}, options=RunOptions(budget=budget)))
    assert (budget.spent.tokens, budget.spent.requests) == (30, 2)


def test_what_runs_inside_a_tool_is_paid_by_the_outer_runs_budget() -> None:
    from aiocrew.tools.decorator import tool
    from tests.doubles import calls

    inner_agent = agent_with(ScriptedModel("inner"))
    inner = Crew(agents=[inner_agent], tasks=[task_for(inner_agent)])

    @tool
    async def ask_another_crew(question: str) -> str:
        """Ask."""
        return (await inner.kickoff_async({"topic": question})).raw

    agent = agent_with(ScriptedModel(calls(("ask_another_crew", {"question": "q"})), "done"), tools=[ask_another_crew])
    crew = Crew(agents=[agent], tasks=[task_for(agent)])
    budget = Budget(requests=3)
    on_virtual_time(lambda: crew.kickoff_async({"topic": "x"}, options=RunOptions(budget=budget)))
    assert budget.spent.requests == 3
