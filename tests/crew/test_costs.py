"""What a run's calls cost."""

from __future__ import annotations

import pickle

import pytest

from aiocrew.agent.usage import UsageCounter
from aiocrew.types.events import LLMCallCompleted, LLMCallStarted
from aiocrew.types.messages import Request
from aiocrew.types.usage import Usage


def counter(*calls: tuple[str, Usage, float | None]) -> UsageCounter:
    counter = UsageCounter()
    counter.emit(LLMCallStarted("run", "p", 0.0, 0.0, "openai/gpt-4o-mini", "agent", Request(())))
    for model, usage, cost_usd in calls:
        counter.emit(LLMCallCompleted("run", "p", 0.0, 0.0, model, "agent", "", (), usage, "stop", cost_usd))
    return counter


@pytest.mark.parametrize(
    ("calls", "cost"),
    [
        ([], 0.0),
        ([("Own", Usage(10, 5), 0.25), ("Own", Usage(10, 5), 0.5)], 0.75),
        ([("offline/demo", Usage(10, 5), None)], 0.0),
        ([("Own", Usage(), None)], 0.0),
        ([("Own", Usage(10, 5), None)], None),
        ([("Own", Usage(10, 5), 0.25), ("ollama/llama3", Usage(10, 5), None)], None),
    ],
)
def test_a_run_costs_what_its_calls_cost_and_nobody_knows_where_one_is_not_known(
    calls: list[tuple[str, Usage, float | None]], cost: float | None
) -> None:
    assert counter(*calls).costing()() == cost


def test_the_price_list_says_what_the_user_does_not() -> None:
    calls = [("openai/gpt-4o-mini", Usage(1_000_000, 0), None), ("openai/gpt-4o-mini", Usage(1_000_000, 0), 7.0)]
    cost = counter(*calls).costing()()
    assert cost is not None
    assert 7.0 < cost < 8.0


def test_a_costing_is_of_the_calls_so_far_and_goes_to_other_processes() -> None:
    counted = counter(("Own", Usage(10, 5), 0.25))
    costing = pickle.loads(pickle.dumps(counted.costing()))
    counted.emit(LLMCallCompleted("run", "p", 0.0, 0.0, "Own", "agent", "", (), Usage(1, 1), "stop", 1.0))
    assert costing() == 0.25
    assert counted.costing()() == 1.25
    assert counted.total().total_tokens == 17
