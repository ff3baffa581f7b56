"""At most so many requests a minute."""

from __future__ import annotations

import asyncio
import copy
import random
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiocrew.admission.pace import MinutePace, pace_of
from tests.crew.scenes import agent_with, one_task_crew
from tests.doubles import ScriptedModel, on_virtual_time

FLOW = ("", 0)


async def send(pace: MinutePace, run: str = "r", *, unbounded: bool = False, takes_s: float = 0.0) -> float:
    """Return when a request went out: `takes_s` after it has passed."""
    loop = asyncio.get_running_loop()
    passed = await pace.pass_one(FLOW, run, loop, unbounded=unbounded)
    if takes_s:
        await asyncio.sleep(takes_s)
    passed.sent()
    passed.give_back()  # changes nothing any more
    return loop.time()


def together(pace: MinutePace, number: int, **options: float) -> list[float]:
    async def main() -> list[float]:
        return await asyncio.gather(*(send(pace, str(n), **options) for n in range(number)))

    return [round(at_s, 6) for at_s in on_virtual_time(main)]


def test_six_requests_at_two_a_minute_go_in_pairs() -> None:
    assert together(MinutePace(2), 6) == [0, 0, 60, 60, 120, 120]


def test_the_minute_begins_when_a_request_goes_out_not_when_it_may() -> None:
    assert together(MinutePace(2), 4, takes_s=10.0) == [10, 10, 80, 80]


def test_who_blocks_a_loop_waits_for_the_minute_as_well() -> None:
    async def main() -> list[float]:
        pace = MinutePace(2)
        return await asyncio.gather(*(send(pace, str(n), unbounded=True) for n in range(5)))

    assert on_virtual_time(main) == [0, 0, 60, 60, 120]


def test_calls_that_block_a_loop_count_from_when_they_have_passed() -> None:
    async def main() -> list[float]:
        pace = MinutePace(2)
        return await asyncio.gather(*(send(pace, str(n), unbounded=True, takes_s=1.0) for n in range(4)))

    assert on_virtual_time(main) == pytest.approx([1, 1, 62, 62])


def test_who_blocks_a_loop_does_not_wait_for_a_request_that_the_loop_has_not_sent() -> None:
    async def main() -> float:
        pace, loop = MinutePace(1), asyncio.get_running_loop()
        held = await pace.pass_one(FLOW, "outer", loop, unbounded=False)
        at_s = await send(pace, "inner", unbounded=True)
        held.give_back()
        return at_s

    assert on_virtual_time(main) == 0


def test_a_place_that_is_given_back_is_the_next_ones() -> None:
    async def main() -> float:
        pace, loop = MinutePace(1), asyncio.get_running_loop()
        first = await pace.pass_one(FLOW, "a", loop, unbounded=False)
        second = asyncio.ensure_future(send(pace, "b"))
        await asyncio.sleep(5)
        first.give_back()
        first.sent()  # changes nothing any more
        return await second

    assert on_virtual_time(main) == pytest.approx(5)


def test_a_cancelled_waiter_gives_its_place_back() -> None:
    async def main() -> list[float]:
        pace = MinutePace(1)
        await send(pace)
        waiters = [asyncio.ensure_future(send(pace, str(n))) for n in range(3)]
        await asyncio.sleep(30)
        waiters[0].cancel()
        ends = await asyncio.gather(*waiters, return_exceptions=True)
        assert isinstance(ends[0], asyncio.CancelledError)
        assert pace._controller.in_flight == pace._controller.waiting == 0
        return ends[1:]

    assert on_virtual_time(main) == [60, 120]


def test_a_number_that_is_raised_while_calls_wait_holds_for_them() -> None:
    async def main() -> list[float]:
        pace = MinutePace(1)
        sends = [asyncio.ensure_future(send(pace, str(n))) for n in range(4)]
        await asyncio.sleep(10)
        pace.per_minute = 3
        return [round(at_s) for at_s in await asyncio.gather(*sends)]

    assert on_virtual_time(main) == [0, 10, 10, 60]


@given(st.integers(1, 5), st.integers(0, 10_000))
@settings(max_examples=30)
def test_no_minute_holds_more_whoever_is_cancelled_when(per_minute: int, seed: int) -> None:
    chance = random.Random(seed)

    async def main() -> list[float]:
        pace, loop = MinutePace(per_minute), asyncio.get_running_loop()
        sent: list[float] = []

        async def one(n: int) -> None:
            await asyncio.sleep(chance.random() * 100)
            passed = await pace.pass_one((str(n % 2), 0), str(n), loop, unbounded=False)
            try:
                await asyncio.sleep(chance.choice([0, 0, 3, 30]))
            except asyncio.CancelledError:
                passed.give_back()
                raise
            passed.sent()
            sent.append(loop.time())

        tasks = [asyncio.ensure_future(one(n)) for n in range(12)]
        for task in chance.sample(tasks, 4):
            loop.call_later(chance.random() * 200, task.cancel)
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(end is None or isinstance(end, asyncio.CancelledError) for end in ends)
        assert (pace._controller.in_flight, pace._controller.waiting, pace._controller.called) == (0, 0, 0)
        return sent

    sent = on_virtual_time(main)
    assert all(late - early >= 60 - 1e-6 for early, late in zip(sent, sent[per_minute:], strict=False))


def test_loops_in_threads_share_one_minute() -> None:
    pace, sent = MinutePace(5), list[float]()

    async def main() -> None:
        sends = [asyncio.ensure_future(send(pace, str(n))) for n in range(5)]
        done, left = await asyncio.wait(sends, timeout=0.3)
        sent.extend(task.result() for task in done)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    threads = [threading.Thread(target=asyncio.run, args=(main(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sent) == 5
    assert pace._controller.waiting == 0


@pytest.mark.parametrize("blueprint", [agent_with(ScriptedModel()), one_task_crew(ScriptedModel())])
def test_a_blueprint_has_one_pace_and_its_copy_another(blueprint: object) -> None:
    pace = pace_of(blueprint, 3)
    assert pace_of(blueprint, 5) is pace
    assert pace.per_minute == 5
    assert pace_of(copy.copy(blueprint), 5) is not pace
