"""A limit over tasks, loops and threads."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest

from aiocrew.admission.limits import Identity, Limit, limit_for


def identity(model: str) -> Identity:
    return ("openai", "https://api.test", "key", model)


class Peak:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.now = self.most = self.done = 0

    async def work(self, limit: Limit, *, unbounded: bool = False) -> None:
        async with limit.slot(unbounded=unbounded):
            with self.lock:
                self.now += 1
                self.most = max(self.most, self.now)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            with self.lock:
                self.now -= 1
                self.done += 1


async def test_the_ceiling_is_reached_and_never_passed() -> None:
    limit, peak = Limit(7), Peak()
    await asyncio.gather(*(peak.work(limit) for _ in range(500)))
    assert (peak.most, peak.done, limit.in_flight) == (7, 500, 0)


async def test_without_a_ceiling_nobody_waits_and_nothing_is_made() -> None:
    limit, peak = Limit(), Peak()
    await asyncio.gather(*(peak.work(limit) for _ in range(500)))
    assert peak.most == 500
    assert limit.slot() is limit.slot()


async def test_first_come_first_served() -> None:
    limit = Limit(2)
    order: list[int] = []

    async def one(n: int) -> None:
        async with limit.slot():
            order.append(n)
            await asyncio.sleep(0)

    await asyncio.gather(*(one(n) for n in range(50)))
    assert order == list(range(50))


async def test_a_cancelled_waiter_leaks_nothing_even_in_the_tick_of_its_turn() -> None:
    limit, peak = Limit(1), Peak()
    holding, release = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with limit.slot():
            holding.set()
            await release.wait()

    holder = asyncio.ensure_future(hold())
    await holding.wait()
    waiters = [asyncio.ensure_future(peak.work(limit)) for _ in range(10)]
    await asyncio.sleep(0)
    release.set()
    await holder
    for waiter in waiters[::2]:
        waiter.cancel()
    ends = await asyncio.gather(*waiters, return_exceptions=True)
    assert [isinstance(end, asyncio.CancelledError) for end in ends] == [True, False] * 5
    assert (peak.done, limit.in_flight) == (5, 0)


async def test_an_error_in_the_block_gives_the_slot_back() -> None:
    limit = Limit(1)
    for _ in range(3):
        with pytest.raises(ValueError, match="oops"):
            async with limit.slot():
                raise ValueError("oops")
    assert limit.in_flight == 0


async def test_an_unbounded_run_does_not_wait() -> None:
    limit, peak = Limit(1), Peak()
    async with limit.slot():
        await peak.work(limit, unbounded=True)
        assert limit.in_flight == 1
    assert (peak.done, limit.in_flight) == (1, 0)


def test_loops_in_threads_share_one_ceiling() -> None:
    limit, peak = Limit(5), Peak()

    async def many() -> None:
        await asyncio.gather(*(peak.work(limit) for _ in range(200)))

    threads = [threading.Thread(target=asyncio.run, args=(many(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (peak.most, peak.done, limit.in_flight) == (5, 800, 0)


def test_a_blocked_loop_holds_no_slot_up() -> None:
    limit, peak = Limit(1), Peak()
    taken, queued, go_on = threading.Event(), threading.Event(), threading.Event()

    async def blocked() -> None:
        waiter = asyncio.ensure_future(peak.work(limit))
        await asyncio.sleep(0)
        queued.set()
        go_on.wait()  # this loop does not answer, though its waiter came first
        await waiter

    async def alive() -> None:
        async with limit.slot():
            taken.set()
            await asyncio.to_thread(queued.wait)
        await peak.work(limit)

    other = threading.Thread(target=lambda: taken.wait() and asyncio.run(blocked()))
    other.start()
    asyncio.run(alive())
    assert peak.done == 1
    go_on.set()
    other.join()
    assert (peak.done, limit.in_flight) == (2, 0)


def test_a_loop_closed_with_waiters_in_it_is_forgotten() -> None:
    limit, peak = Limit(1), Peak()

    async def leave_a_waiter() -> None:
        tasks.append(asyncio.ensure_future(peak.work(limit)))
        await asyncio.sleep(0)

    async def main() -> None:
        async with limit.slot():
            await asyncio.to_thread(lambda: loop.run_until_complete(leave_a_waiter()))
            loop.close()
        await peak.work(limit)

    tasks: list[asyncio.Future[None]] = []
    loop = asyncio.new_event_loop()
    asyncio.run(main())
    assert (peak.done, limit.in_flight) == (1, 0)
    tasks[0]._log_destroy_pending = False  # type: ignore[attr-defined]


def test_a_limit_belongs_to_provider_address_key_and_model() -> None:
    first, same, other = limit_for(identity("a"), 3), limit_for(identity("a")), limit_for(identity("b"))
    assert first is same
    assert first is not other
    del first, same
    gc.collect()
    assert limit_for(identity("a")).slot() is limit_for(identity("b")).slot()


async def test_the_latest_ceiling_counts() -> None:
    limit, peak = limit_for(identity("c"), 1), Peak()
    assert limit_for(identity("c"), 4) is limit
    await asyncio.gather(*(peak.work(limit) for _ in range(20)))
    assert peak.most == 4
