"""What is told of runs that were carried out in turn: how many at a time, at what cost, and what to write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from aiocrew import LLM, Limits, OverlapReport, observe
from aiocrew.seeing.causes.in_turn import _lost_s
from aiocrew.seeing.report import Cause, Culprit
from aiocrew.seeing.timeline import CallSpan, RunSpan, Wait
from aiocrew.types.paths import ROOT, Path
from tests.crew.scenes import one_task_crew
from tests.doubles import on_virtual_time
from tests.seeing.shapes import serial
from tests.seeing.shapes.parts import crew, topics
from tests.server.loopback import LoopbackProvider


def observed(main: Callable[[], Any]) -> OverlapReport:
    with observe() as seen:
        on_virtual_time(main)
    return seen.report()


def in_turn(main: Callable[[], Any]) -> Culprit:
    (culprit,) = observed(main).culprits
    assert culprit.cause is Cause.AWAITED_IN_TURN
    return culprit


@pytest.mark.parametrize(
    "program", [serial.chunks_of_equal_length, serial.chunks_in_task_groups, serial.batches_one_after_another]
)
def test_groups_of_equal_length_cost_what_all_at_once_would_have_saved(program: Callable[[], Any]) -> None:
    culprit = in_turn(program)
    assert culprit.lost_s == pytest.approx(0.2)
    assert culprit.times == 2


def test_of_groups_it_is_told_how_many_go_on_at_a_time_and_how_to_bound_them_otherwise() -> None:
    culprit = in_turn(serial.chunks_of_equal_length)
    assert culprit.what.startswith("at most 3 at a time because of this loop, which awaits 9 runs in 3 groups")
    assert culprit.instead.startswith("await researchers.kickoff_for_each_async([...], max_concurrency=...)")
    assert "where 3 at a time are meant, bound it to 3" in culprit.instead


async def one_at_a_time_that_are_read_as_they_come() -> None:
    async with crew().map(topics(5), max_concurrency=1) as outcomes:
        async for outcome in outcomes:
            assert outcome.ok


async def one_at_a_time_in_a_comprehension() -> None:
    async with crew().map(topics(5), max_concurrency=1) as outcomes:
        assert all([outcome.ok async for outcome in outcomes])


async def batches_of_one_at_a_time() -> None:
    researchers, todo = crew(), topics(6)
    for first in range(0, 6, 3):
        await researchers.kickoff_for_each_async(todo[first : first + 3], max_concurrency=1)


@pytest.mark.parametrize(
    "program",
    [one_at_a_time_that_are_read_as_they_come, one_at_a_time_in_a_comprehension, batches_of_one_at_a_time],
)
def test_what_a_batch_does_one_after_another_is_told_of_its_limit_alone(program: Callable[[], Any]) -> None:
    assert [culprit.cause for culprit in observed(program).culprits] == [Cause.LIMIT]


def test_batches_in_turn_cost_what_one_batch_with_their_limit_would_have_saved() -> None:
    async def main() -> None:
        researchers, todo = crew(), topics(20)
        for first in range(0, 20, 10):
            await researchers.kickoff_for_each_async(todo[first : first + 10], max_concurrency=4)

    (culprit,) = [one for one in observed(main).culprits if one.cause is Cause.AWAITED_IN_TURN]
    assert culprit.what.startswith("this loop awaits 20 runs in 2 groups, one after another")
    assert culprit.lost_s == pytest.approx(0.1)
    assert culprit.times == 1


async def groups_of_four(llm: LLM) -> None:
    researchers = one_task_crew(llm)
    todo = topics(12)
    for first in range(0, 12, 4):
        await asyncio.gather(*(researchers.kickoff_async(topic) for topic in todo[first : first + 4]))


def test_groups_are_no_finding_where_a_limit_holds_them_anyway() -> None:
    with LoopbackProvider(latency_s=0.1) as provider, observe() as seen:
        limited = LLM("openai/limited", base_url=provider.base_url, api_key="k", limits=Limits(max_in_flight=2))
        asyncio.run(groups_of_four(limited))
    assert [culprit.cause for culprit in seen.report().culprits] == [Cause.LIMIT]


def test_groups_as_large_as_the_limit_of_their_model_are_no_finding() -> None:
    with LoopbackProvider(latency_s=0.1) as provider, observe() as seen:
        limited = LLM("openai/four", base_url=provider.base_url, api_key="k", limits=Limits(max_in_flight=4))
        asyncio.run(groups_of_four(limited))
    assert seen.report().culprits == ()


def test_groups_cost_no_more_than_what_the_limit_of_their_model_would_have_let_go_on_at_once() -> None:
    runs = [run_of_one_call(n, from_s=n // 2, most_at_once=most) for most in (None, 2, 4) for n in range(8)]
    lost = [_lost_s([[runs[first : first + 2]] for first in range(8 * part, 8 * part + 8, 2)]) for part in range(3)]
    assert lost == [3.0, 0.0, 2.0]


def test_groups_cost_nothing_of_the_time_in_which_a_pace_held_their_calls() -> None:
    paced = [run_of_one_call(n, from_s=4 * (n // 4), waits_s=n % 4) for n in range(8)]
    assert _lost_s([[paced[:4]], [paced[4:]]]) == 0
    assert _lost_s([[paced[:1]], [paced[4:5]]]) == pytest.approx(1)


def run_of_one_call(number: int, from_s: float, most_at_once: int | None = None, waits_s: float = 0.0) -> RunSpan:
    sent_s = from_s + waits_s
    waits = [Wait("a pace", from_s, sent_s)] if waits_s else []
    call = CallSpan("model", Path("run/m"), "openai/m", from_s, sent_s, sent_s + 1, waits, most_at_once=most_at_once)
    return RunSpan(f"r{number}", "crew", ROOT, "", None, from_s, sent_s + 1, calls={call.path: call})


def test_runs_in_turn_inside_several_runs_cost_what_one_of_these_lost() -> None:
    culprit = in_turn(serial.crews_in_turn_inside_a_tool)
    assert culprit.lost_s == pytest.approx(0.2)
    assert culprit.times == 6


def test_runs_in_turn_inside_runs_that_come_one_after_another_cost_what_all_of_them_lost() -> None:
    async def twice() -> None:
        await serial.crews_in_turn_inside_a_tool()
        await asyncio.sleep(1)
        await serial.crews_in_turn_inside_a_tool()

    assert in_turn(twice).lost_s == pytest.approx(0.4)


def test_of_single_runs_no_number_is_told() -> None:
    async def main() -> None:
        researchers = crew()
        for topic in topics(4):
            await researchers.kickoff_async(topic)

    assert in_turn(main).what == "this loop awaits 4 runs one after another, although none needs the one before"
