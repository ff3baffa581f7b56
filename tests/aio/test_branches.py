"""Every task has a parent, and a cancellation is never lost."""

from __future__ import annotations

import asyncio

import pytest

from aiocrew.aio.branches import TaskBranches
from aiocrew.errors import TaskError
from aiocrew.types.paths import Path
from aiocrew.types.ports import Branch, Raised, Returned


def branch(name: str, body):
    return Branch(Path(name), body)


async def test_branches_come_in_the_order_in_which_they_end():
    first, second = asyncio.Event(), asyncio.Event()

    async def slow():
        await first.wait()
        second.set()
        return "slow"

    async def quick():
        first.set()
        return "quick"

    async with TaskBranches([branch("slow", slow), branch("quick", quick)]) as branches:
        assert [item async for item in branches] == [("quick", Returned("quick")), ("slow", Returned("slow"))]


async def test_a_branch_may_start_another_when_it_has_ended():
    seen = []

    async def work():
        return len(seen)

    async with TaskBranches([branch("b-0", work)]) as branches:
        async for path, settled in branches:
            seen.append((path, settled))
            if len(seen) < 3:
                branches.start(branch(f"b-{len(seen)}", work))
    assert seen == [("b-0", Returned(0)), ("b-1", Returned(1)), ("b-2", Returned(2))]


async def test_failures_are_data_and_leaving_cancels_the_rest():
    ended = []

    async def fails():
        raise ValueError("no")

    async def waits():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    async with TaskBranches([branch("a", fails), branch("b", waits)]) as branches:
        path, settled = await branches.__anext__()
        assert path == "a"
        assert isinstance(settled, Raised)
    assert ended == ["cancelled"]
    assert len(asyncio.all_tasks()) == 1


async def test_stop_gives_what_had_failed_beside_the_first():
    async def fails():
        raise ValueError("no")

    async with TaskBranches([branch("a", fails), branch("b", fails), branch("c", asyncio.Event().wait)]) as branches:
        await branches.__anext__()
        rest = await branches.stop()
    assert [path for path, _ in rest] == ["b"]


async def test_an_outer_cancel_in_the_tick_of_a_failure_wins():
    async def fails():
        raise ValueError("no")

    async def parent():
        async with TaskBranches([branch("a", fails)]) as branches:
            async for _, settled in branches:
                asyncio.current_task().cancel()  # arrives while the failure is being handled
                raise settled.error

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(parent())


async def test_a_second_cancel_during_clean_up_orphans_nobody():
    cleaning, release, done = asyncio.Event(), asyncio.Event(), []

    async def stubborn():
        try:
            await asyncio.Event().wait()
        finally:
            cleaning.set()
            await release.wait()
            done.append(True)

    async def parent():
        async with TaskBranches([branch("a", stubborn), branch("b", asyncio.Event().wait)]) as branches:
            async for _ in branches:
                pass

    task = asyncio.create_task(parent())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await cleaning.wait()
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == [True]


async def test_code_that_raises_cancelled_error_by_itself_has_failed():
    async def stray():
        raise asyncio.CancelledError

    async with TaskBranches([branch("a", stray)]) as branches:
        _, settled = await branches.__anext__()
    assert isinstance(settled.error, TaskError)
