"""Runs that begin at once let the loop serve others in between, in the order in which they asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from aiocrew.aio.starting import LONGEST_S, turn_to_begin
from tests.doubles import on_virtual_time


class Busy(asyncio.SelectorEventLoop):
    """A loop on which time passes only by what is said to work."""

    now_s = 0.0

    def time(self) -> float:
        return self.now_s


def on_busy_loop(main: Callable[[Busy], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=Busy) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, Busy)
        runner.run(main(loop))


async def begin(loop: asyncio.AbstractEventLoop) -> bool:
    """Return whether it had to wait."""
    turn = turn_to_begin(loop)
    if turn is not None:
        await turn
    return turn is not None


class Passes:
    """Tells which runs began in which pass of a loop."""

    def __init__(self, loop: Busy, works_s: Callable[[int], float]) -> None:
        self.loop, self.works_s = loop, works_s
        self.began: list[list[int]] = [[]]

    def end(self) -> None:
        self.began.append([])
        if not all(task.done() for task in self.tasks):
            self.loop.call_soon(self.end)

    async def one(self, number: int) -> None:
        await begin(self.loop)
        self.began[-1].append(number)
        self.loop.now_s += self.works_s(number)

    async def of(self, runs: int) -> list[list[int]]:
        self.tasks = [asyncio.ensure_future(self.one(number)) for number in range(runs)]
        self.loop.call_soon(self.end)
        await asyncio.gather(*self.tasks)
        return [began for began in self.began if began]


def test_as_many_begin_in_one_pass_as_fit_and_in_their_order() -> None:
    async def main(loop: Busy) -> None:
        passes = await Passes(loop, lambda _: LONGEST_S / 4).of(30)
        assert [number for began in passes for number in began] == list(range(30))
        assert max(map(len, passes)) == 4
        assert len(passes) == 8

    on_busy_loop(main)


def test_runs_that_turn_out_heavier_begin_fewer_at_a_time() -> None:
    async def main(loop: Busy) -> None:
        passes = await Passes(loop, lambda number: LONGEST_S / 10 if number < 10 else LONGEST_S * 2).of(40)
        assert [len(began) for began in passes[:2]] == [10, 10]
        assert {len(began) for began in passes[2:]} == {1}

    on_busy_loop(main)


def test_after_a_slow_one_as_many_begin_as_before() -> None:
    async def main(loop: Busy) -> None:
        passes = await Passes(loop, lambda number: LONGEST_S * (50 if number == 30 else 1 / 20)).of(400)
        assert [number for began in passes for number in began] == list(range(400))
        counts = [len(began) for began in passes]
        assert counts[:8] == [20, 20, 1, 2, 4, 8, 16, 20]
        assert set(counts[8:-1]) == {20}

    on_busy_loop(main)


def test_one_run_after_another_never_waits() -> None:
    async def main(loop: Busy) -> None:
        for _ in range(10):
            assert not await begin(loop)
            loop.now_s += 1.0
            await asyncio.sleep(0)

    on_busy_loop(main)


def test_one_that_is_cancelled_in_line_lets_the_next_ones_go() -> None:
    async def main(loop: Busy) -> None:
        async def works() -> None:
            assert not await begin(loop)
            loop.now_s += 1.0

        first = asyncio.ensure_future(works())
        waiting = [asyncio.ensure_future(begin(loop)) for _ in range(5)]
        await first
        for task in waiting[:4]:
            task.cancel()
        assert await waiting[4]
        assert all(task.cancelled() for task in waiting[:4])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not await begin(loop)

    on_busy_loop(main)


def test_on_virtual_time_all_begin_at_once() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert not any(await asyncio.gather(*(begin(loop) for _ in range(1000))))

    on_virtual_time(main)


def test_each_loop_of_a_thread_has_its_own_line() -> None:
    async def first(loop: Busy) -> None:
        assert not await begin(loop)
        loop.now_s += 1.0
        assert turn_to_begin(loop) is not None, "left behind"

    async def second(loop: Busy) -> None:
        assert not await begin(loop)

    on_busy_loop(first)
    on_busy_loop(second)


@pytest.mark.parametrize("loop_of", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_pass_has_an_end_on_loops_whose_time_stands_within_it_too(
    loop_of: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()

        async def works() -> bool:
            waited = await begin(loop)
            until_s = time.monotonic() + 2 * LONGEST_S
            while time.monotonic() < until_s:
                pass
            return waited

        assert await asyncio.gather(works(), works()) == [False, True]

    with asyncio.Runner(loop_factory=loop_of) as runner:
        runner.run(main())
