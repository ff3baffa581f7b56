"""A provider that breaks a third of its replies: no input is lost, no usage is wrong, no tool runs twice."""

from __future__ import annotations

from collections import Counter

from aiocrew import LLM, Outcomes, tool
from tests.server.crews import crew_for
from tests.server.limited import FAULTS, Fault, Faults, LimitedProvider, tokens_of

INPUTS = 300


def llm_at(provider: LimitedProvider) -> LLM:
    # A late reply costs a second; one that is slow because this machine is busy is only asked for again.
    return LLM("gpt-4o-mini", base_url=provider.base_url, api_key="sk-test", timeout=1.0)


def expected_tokens(number: int, turns: int) -> tuple[int, int]:
    pairs = [tokens_of(f"input {number}", turn) for turn in range(1, turns + 1)]
    return sum(prompt for prompt, _ in pairs), sum(completion for _, completion in pairs)


def assert_whole(outcomes: Outcomes, *, turns: int) -> None:
    """Every input has its own reply and its own tokens, in the order of the inputs."""
    assert [outcome.error for outcome in outcomes] == [None] * len(outcomes)
    assert [outcome.raw for outcome in outcomes] == [f"re: input {n}" for n in range(len(outcomes))]
    usages = [outcome.token_usage for outcome in outcomes]
    assert [(usage.prompt_tokens, usage.completion_tokens) for usage in usages] == [
        expected_tokens(n, turns) for n in range(len(outcomes))
    ]
    assert {usage.successful_requests for usage in usages} == {turns}


async def test_no_input_is_lost_when_30_percent_of_the_replies_are_errors_reset_cut_or_late() -> None:
    kinds: tuple[Fault, ...] = ("500", "reset", "cut", "late")
    with LimitedProvider(faults=Faults(0.3, kinds=kinds, at_most=2)) as provider:
        crew = crew_for("input {n}", llm=llm_at(provider))
        outcomes = await crew.kickoff_for_each_async([{"n": n} for n in range(INPUTS)])
    assert_whole(outcomes, turns=1)
    assert provider.count(*kinds) > INPUTS / 4
    assert min(provider.count(kind) for kind in kinds) > 0


async def test_no_tool_runs_twice_whatever_goes_wrong_with_the_replies_around_it() -> None:
    ran: Counter[str] = Counter()

    @tool("Look up")
    async def look_up(query: str) -> str:
        """Look something up."""
        ran[query] += 1
        return "it is known"

    with LimitedProvider(faults=Faults(0.3, at_most=2, seed=1)) as provider:
        crew = crew_for("input {n}", llm=llm_at(provider), tools=[look_up])
        outcomes = await crew.kickoff_for_each_async([{"n": n} for n in range(INPUTS)])
    assert_whole(outcomes, turns=2)
    assert ran == Counter(f"input {n}" for n in range(INPUTS))
    assert min(provider.count(kind) for kind in FAULTS) > 0
