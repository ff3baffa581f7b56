"""A window: so many at once, any source, and nothing alive afterwards."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.batch.window import RETRY_AFTER_S, Later, Window
from aiocrew.types.outputs import CrewOutput
from tests.doubles import on_virtual_time


class Gauge:
    """Counts what is under way."""

    def __init__(self, delays=lambda index: 1.0):
        self.delays = delays
        self.now = self.peak = self.begun = self.cancelled = 0

    def job(self, item, index):
        return SleepingJob(self, item, index)


class SleepingJob:
    def __init__(self, gauge, item, index):
        self.gauge, self.item, self.index = gauge, item, index

    async def carry_out(self):
        gauge = self.gauge
        gauge.begun += 1
        gauge.now += 1
        gauge.peak = max(gauge.peak, gauge.now)
        try:
            await asyncio.sleep(gauge.delays(self.index))
        except asyncio.CancelledError:
            gauge.cancelled += 1
            raise
        finally:
            gauge.now -= 1
        return CrewOutput(raw=str(self.item), index=self.index)


def source_of(kind: str, items, drawn: list[int] | None = None):
    log = [] if drawn is None else drawn

    def generator() -> Iterator[int]:
        for item in items:
            log.append(item)
            yield item

    async def async_generator() -> AsyncIterator[int]:
        for item in items:
            await asyncio.sleep(0.1)
            log.append(item)
            yield item

    return {"list": lambda: list(items), "iterator": generator, "async": async_generator}[kind]()


async def indices(window: Window) -> list[int]:
    return [job.index async for job, _ in window]


@pytest.mark.parametrize("kind", ["list", "iterator", "async"])
@pytest.mark.parametrize("most", [1, 3, 100])
def test_every_item_is_done_once_and_no_more_than_that_are_under_way(kind, most):
    gauge = Gauge()

    async def main():
        async with Window(source_of(kind, range(20)), gauge.job, most=most) as window:
            return [(job.index, outcome.raw) async for job, outcome in window]

    assert sorted(on_virtual_time(main)) == [(n, str(n)) for n in range(20)]
    assert gauge.begun == 20
    assert gauge.peak == min(most, 20 if kind != "async" else 10)  # an async source gives ten a second here


def test_outcomes_come_as_they_finish():
    gauge = Gauge(lambda index: [3.0, 1.0, 2.0][index])

    async def main():
        async with Window([0, 1, 2], gauge.job, most=3) as window:
            return await indices(window)

    assert on_virtual_time(main) == [1, 2, 0]


@pytest.mark.parametrize("kind", ["iterator", "async"])
def test_a_source_is_asked_for_one_item_more_than_may_be_under_way_at_most(kind):
    drawn: list[int] = []
    most_ahead = 0

    async def main():
        nonlocal most_ahead
        given_out = 0
        gauge = Gauge(lambda index: 0.3 * (index % 3))
        async with Window(source_of(kind, range(50), drawn), gauge.job, most=4) as window:
            async for _ in window:
                given_out += 1
                most_ahead = max(most_ahead, len(drawn) - given_out)
                await asyncio.sleep(5)  # a slow reader: what has ended waits for it, and nothing more begins

    on_virtual_time(main)
    assert len(drawn) == 50
    assert most_ahead <= 4


def test_work_goes_on_while_an_async_source_waits():
    gauge = Gauge(lambda _: 1.0)

    async def source():
        yield 0
        await asyncio.sleep(100)
        yield 1

    async def main():
        loop = asyncio.get_running_loop()
        async with Window(source(), gauge.job, most=2) as window:
            return [loop.time() async for _ in window]

    assert on_virtual_time(main) == [1.0, 101.0]


@pytest.mark.parametrize("kind", ["iterator", "async"])
def test_an_endless_source_may_be_left_early_and_nothing_stays_alive(kind):
    gauge, closed = Gauge(lambda index: index % 5), []

    def endless():
        number = 0
        while True:
            yield number
            number += 1

    async def async_endless():
        try:
            for number in endless():
                await asyncio.sleep(0)
                yield number
        finally:
            closed.append(True)

    async def main():
        source = endless() if kind == "iterator" else async_endless()
        async with Window(source, gauge.job, most=10) as window:
            async for job, _ in window:
                if job.index > 30:
                    break
        assert len(asyncio.all_tasks()) == 1

    on_virtual_time(main)
    assert gauge.now == 0
    assert closed == ([True] if kind == "async" else [])


@pytest.mark.parametrize("kind", ["iterator", "async"])
def test_an_error_in_the_source_is_raised_when_all_work_has_ended(kind):
    gauge = Gauge(lambda _: 1000.0)

    def broken():
        yield from range(5)
        raise ValueError("the file is torn")

    async def async_broken():
        for number in broken():
            await asyncio.sleep(0.1)
            yield number

    async def main():
        source = broken() if kind == "iterator" else async_broken()
        with pytest.raises(ValueError, match="torn"):
            async with Window(source, gauge.job, most=100) as window:
                await indices(window)
        assert gauge.now == 0
        assert len(asyncio.all_tasks()) == 1

    on_virtual_time(main)
    assert gauge.begun == gauge.cancelled


async def test_what_a_job_raises_ends_the_window():
    gauge = Gauge(lambda _: 1000.0)

    class Broken:
        async def carry_out(self):
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk"):
        async with Window(range(5), lambda n, i: Broken() if n == 3 else gauge.job(n, i), most=5) as window:
            await indices(window)
    assert gauge.now == 0
    assert len(asyncio.all_tasks()) == 1


@given(
    at=st.integers(0, 300), most=st.integers(1, 8), seed=st.integers(0, 2**16), kind=st.sampled_from(["list", "async"])
)
def test_a_cancellation_at_any_moment_leaves_nothing_alive(at, most, seed, kind):
    chance = random.Random(seed)
    delays = [chance.choice([0, 0.01, 0.3]) for _ in range(30)]
    gauge = Gauge(lambda index: delays[index])

    async def consume():
        async with Window(source_of(kind, range(30)), gauge.job, most=most) as window:
            async for _ in window:
                await asyncio.sleep(0)

    async def main():
        task = asyncio.ensure_future(consume())
        for _ in range(at):
            await asyncio.sleep(0.001 if chance.random() < 0.5 else 0)
            if task.done():
                break
        task.cancel()
        cancelled = (await asyncio.gather(task, return_exceptions=True))[0]
        assert cancelled is None or isinstance(cancelled, asyncio.CancelledError)
        assert len(asyncio.all_tasks()) == 1

    on_virtual_time(main)
    assert gauge.now == 0


class BusyFor:
    """Puts itself aside until a moment."""

    def __init__(self, index, until_s):
        self.index, self.until_s, self.tries = index, until_s, []

    async def carry_out(self):
        now_s = asyncio.get_running_loop().time()
        self.tries.append(now_s)
        if now_s < self.until_s:
            return Later()
        return CrewOutput(index=self.index)


def test_a_job_that_is_put_aside_leaves_its_place_to_others_and_is_tried_again():
    busy = BusyFor(0, until_s=1.7)
    gauge = Gauge(lambda _: 0.1)

    async def main():
        async with Window(range(4), lambda n, i: gauge.job(n, i) if n else busy, most=1) as window:
            return await indices(window)

    assert on_virtual_time(main) == [1, 2, 3, 0]
    assert busy.tries == pytest.approx([0, 0.5, 1.0, 1.5, 2.0], abs=0.11)
    assert RETRY_AFTER_S == 0.5


def test_stopping_tells_what_had_ended_what_was_cancelled_and_what_waited():
    busy = BusyFor(0, until_s=1000)
    gauge = Gauge(lambda index: 1.0 if index in (1, 2) else 1000.0)

    async def main():
        source = iter(range(100))
        async with Window(source, lambda n, i: gauge.job(n, i) if n else busy, most=4) as window:
            first, _ = await anext(window)
            stopped = await window.stop()
            assert await indices(window) == []
        assert first.index == 1
        assert [job.index for job, _ in stopped.ended] == [2]
        assert [job.index for job in stopped.cancelled] == [3, 4]
        assert [job.index for job in stopped.waiting] == [0]
        assert (window.fetched, next(source)) == (5, 5)

    on_virtual_time(main)
