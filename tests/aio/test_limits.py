"""A limit ends what is awaited, and leaves other cancellations alone."""

from __future__ import annotations

import asyncio

import pytest

from aiocrew.aio.limits import time_limit
from tests.doubles import on_virtual_time

LIMITS = pytest.mark.parametrize("seconds", [5, 100])  # one with a timer of its own, one without


class Over(Exception):
    pass


@LIMITS
def test_it_ends_the_wait_in_time(seconds):
    async def main():
        with pytest.raises(Over):
            async with time_limit(seconds, Over):
                await asyncio.Event().wait()
        assert seconds <= asyncio.get_running_loop().time() <= seconds + 1
        assert asyncio.current_task().cancelling() == 0

    on_virtual_time(main)


@LIMITS
def test_what_ends_before_is_left_alone(seconds):
    async def main():
        async with time_limit(seconds, Over):
            await asyncio.sleep(seconds / 2)
        await asyncio.sleep(seconds * 2)

    on_virtual_time(main)


@LIMITS
def test_an_outer_cancel_passes_even_when_the_time_is_over_too(seconds):
    async def waits():
        async with time_limit(seconds, Over):
            await asyncio.Event().wait()

    async def main():
        task = asyncio.ensure_future(waits())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        both = asyncio.ensure_future(waits())
        await asyncio.sleep(0)
        due = asyncio.get_running_loop().time() + seconds
        asyncio.get_running_loop().call_at(due if seconds < 30 else int(due) + 1, both.cancel)
        with pytest.raises(asyncio.CancelledError):
            await both

    on_virtual_time(main)


@LIMITS
def test_an_error_of_its_own_is_raised_as_it_is(seconds):
    async def main():
        with pytest.raises(KeyError):
            async with time_limit(seconds, Over):
                raise KeyError

    on_virtual_time(main)


def test_limits_in_each_other_end_by_the_inner_one():
    async def main():
        with pytest.raises(KeyError):
            async with time_limit(200, Over), time_limit(100, KeyError):
                await asyncio.Event().wait()

    on_virtual_time(main)


def test_none_is_no_limit():
    async def main():
        async with time_limit(None, Over):
            await asyncio.sleep(10_000)

    on_virtual_time(main)


def test_many_blocks_share_a_timer():
    async def main():
        loop = asyncio.get_running_loop()
        before = len(loop._scheduled)

        async def quick():
            async with time_limit(100, Over):
                await asyncio.sleep(0)

        await asyncio.gather(*[quick() for _ in range(100)])
        assert len(loop._scheduled) == before + 1

    on_virtual_time(main)
