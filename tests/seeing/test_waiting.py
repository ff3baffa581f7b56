"""What a suspended task waits for, whichever way its awaits lead there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from aiocrew import observe
from aiocrew.seeing.chains import Chain
from aiocrew.seeing.report import Cause
from aiocrew.seeing.waiting import WaitingLog, waiting_of
from tests.doubles import on_virtual_time
from tests.seeing.shapes.parts import crew, topics


@asynccontextmanager
async def entered(lock: Any) -> AsyncIterator[None]:
    async with lock:
        yield


async def one_by_one(lock: Any) -> AsyncIterator[int]:
    for number in range(2):
        async with lock:
            yield number


async def plainly(lock: Any) -> None:
    async with lock:
        pass


async def by_a_context_manager(lock: Any) -> None:
    async with entered(lock):
        pass


async def by_an_async_generator(lock: Any) -> None:
    async for _ in one_by_one(lock):
        pass


async def by_its_next(lock: Any) -> None:
    await anext(one_by_one(lock), None)


async def with_a_time_limit(lock: Any) -> None:
    await asyncio.wait_for(lock.acquire(), 60)


async def with_a_time_limit_outside(lock: Any) -> None:
    await asyncio.wait_for(plainly(lock), 60)


class Standing:
    def __init__(self, lock: Any) -> None:
        self.lock = lock

    def __await__(self) -> Generator[Any, Any, None]:
        return plainly(self.lock).__await__()


async def by_an_awaitable(lock: Any) -> None:
    await Standing(lock)


WAYS = {
    plainly: "plainly",
    by_a_context_manager: "entered",
    by_an_async_generator: "one_by_one",
    by_its_next: "one_by_one",
    with_a_time_limit: "with_a_time_limit",
    with_a_time_limit_outside: "plainly",
    by_an_awaitable: "plainly",
}


@asynccontextmanager
async def suspended(work: Callable[..., Awaitable[None]], lock: Any) -> AsyncIterator[asyncio.Task[None]]:
    await lock.acquire()
    task = asyncio.ensure_future(work(lock))
    for _ in range(5):
        await asyncio.sleep(0)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])
        lock.release()


@pytest.mark.parametrize("way", WAYS)
async def test_a_lock_is_found_with_the_users_line_that_waits_for_it(way: Callable[..., Awaitable[None]]) -> None:
    async with suspended(way, asyncio.Lock()) as task:
        found = waiting_of(Chain(task))
    assert found is not None
    assert (found.kind, found.what, found.frame.function) == ("lock", "Lock", WAYS[way])
    assert found.frame.file == __file__


@pytest.mark.parametrize("way", WAYS)
async def test_who_waits_with_a_time_limit_is_counted_once(way: Callable[..., Awaitable[None]]) -> None:
    log = WaitingLog()
    async with suspended(way, asyncio.Lock()) as task:
        numbers = {task: 7}
        log.look(asyncio.get_running_loop(), lambda waiting: numbers.get(waiting, 0))
    assert [waiting.task for waiting in log.all()] == [7]


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: asyncio.Semaphore(1), "Semaphore"),
        (lambda: asyncio.BoundedSemaphore(1), "BoundedSemaphore"),
        (anyio.Lock, "Lock"),
        (lambda: anyio.Semaphore(1), "Semaphore"),
    ],
)
async def test_locks_of_asyncio_and_of_anyio_are_known(make: Callable[[], Any], what: str) -> None:
    async with suspended(plainly, make()) as task:
        found = waiting_of(Chain(task))
    assert found is not None
    assert (found.what, found.frame.function) == (what, "plainly")


async def test_a_limiter_of_anyio_is_known() -> None:
    limiter = anyio.CapacityLimiter(1)

    async def work() -> None:
        async with limiter:
            await asyncio.Event().wait()

    tasks = [asyncio.ensure_future(work()) for _ in range(2)]
    for _ in range(5):
        await asyncio.sleep(0)
    try:
        found = [waiting_of(Chain(task)) for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    assert [one and one.what for one in found] == [None, "CapacityLimiter"]


def test_a_wait_counts_once_however_often_calls_begin_and_end_meanwhile() -> None:
    researchers = crew()

    async def main() -> None:
        lock = asyncio.Lock()

        async def one(topic: dict[str, str]) -> None:
            async with lock:
                await researchers.kickoff_async(topic)
                await asyncio.sleep(0.1)

        await asyncio.gather(*(one(topic) for topic in topics(5)))

    with observe() as seen:
        on_virtual_time(main)
    (culprit,) = seen.report().culprits
    assert (culprit.cause, culprit.times) == (Cause.HELD_LOCK, 4)


async def test_who_waits_for_an_event_or_a_queue_is_no_finding() -> None:
    async def for_a_queue(queue: asyncio.Queue[int]) -> None:
        await queue.get()

    async def for_a_condition(condition: asyncio.Condition) -> None:
        async with condition:
            await condition.wait()

    waits = [asyncio.Event().wait(), for_a_queue(asyncio.Queue()), for_a_condition(asyncio.Condition())]
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    for _ in range(5):
        await asyncio.sleep(0)
    try:
        assert [waiting_of(Chain(task)) for task in tasks] == [None, None, None]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
