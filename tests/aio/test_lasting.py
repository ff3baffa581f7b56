"""Tasks that the end of their loop leaves time to finish."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar, copy_context

import pytest

from aiocrew.aio.lasting import LastingTask
from tests.doubles import on_virtual_time


def started(seconds: float, done: list[str]) -> LastingTask[None]:
    async def work() -> None:
        await asyncio.sleep(seconds)
        done.append("worked")

    return LastingTask(work(), grace_s=2.0, context=copy_context())


def test_asyncio_run_waits_for_it() -> None:
    done: list[str] = []

    async def main() -> None:
        started(0.01, done)

    asyncio.run(main())
    assert done == ["worked"]


@pytest.mark.parametrize(("seconds", "done"), [(1.9, ["worked"]), (2.1, [])])
def test_a_cancelled_one_has_its_grace_and_no_more(seconds: float, done: list[str]) -> None:
    async def main() -> list[str]:
        worked: list[str] = []
        task = started(seconds, worked)
        assert task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() is (not done)
        return worked

    assert on_virtual_time(main) == done


async def test_a_second_cancel_takes_effect_at_once() -> None:
    task = started(20.0, [])
    await asyncio.sleep(0)
    task.cancel()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_one_that_has_ended_is_not_cancelled() -> None:
    done: list[str] = []
    task = started(0.0, done)
    await task
    assert (task.cancel(), done) == (False, ["worked"])


async def test_it_has_the_context_that_it_is_given() -> None:
    user: ContextVar[str] = ContextVar("user", default="nobody")
    context = copy_context()
    context.run(user.set, "anna")

    async def work() -> str:
        return user.get()

    assert await LastingTask(work(), grace_s=1.0, context=context) == "anna"
