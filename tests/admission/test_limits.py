"""A limit over tasks, event loops and threads."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import threading
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from aiocrew.admission.call import Call
from aiocrew.admission.limits import Identity, Limit, all_limits, limit_for
from aiocrew.types.limits import Limits
from tests.doubles import VirtualTimeLoop, on_virtual_time


def identity(model: str) -> Identity:
    return ("openai", "https://api.test", "key", model)


def at_most(number: int) -> Limit:
    return Limit(Limits(max_in_flight=number))


def state(limit: Limit) -> tuple[int, int, int]:
    """Return how many are in flight, called and waiting."""
    controller = limit.controller
    return controller.in_flight, controller.called, controller.waiting


NOTHING = (0, 0, 0)


@asynccontextmanager
async def slot(limit: Limit, *, tenant: str = "", unbounded: bool = False) -> AsyncIterator[Call]:
    """Go as a model's call does."""
    loop, call = asyncio.get_running_loop(), Call((tenant, 0), unbounded=unbounded)
    if not limit.try_start(call, loop):
        await limit.wait(call, loop)
    try:
        yield call
    finally:
        limit.ended(call, loop)


class Peak:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.now = self.most = self.done = 0

    async def work(self, limit: Limit, *, unbounded: bool = False, seconds: float = 0.0) -> None:
        async with slot(limit, unbounded=unbounded):
            with self.lock:
                self.now += 1
                self.most = max(self.most, self.now)
            try:
                await asyncio.sleep(seconds)
                await asyncio.sleep(0)
            finally:
                with self.lock:
                    self.now -= 1
            self.done += 1


async def test_the_ceiling_is_reached_and_never_passed() -> None:
    limit, peak = at_most(7), Peak()
    await asyncio.gather(*(peak.work(limit) for _ in range(500)))
    assert (peak.most, peak.done, state(limit)) == (7, 500, NOTHING)


def test_without_limits_a_thousand_calls_are_in_flight_within_a_tenth_of_a_second() -> None:
    async def main() -> float:
        limit, peak = Limit(), Peak()
        async with asyncio.TaskGroup() as group:
            for _ in range(1_000):
                group.create_task(peak.work(limit, seconds=2.0))
        assert (peak.most, state(limit)) == (1_000, NOTHING)
        return asyncio.get_running_loop().time()

    assert on_virtual_time(main) < 2.1


async def test_first_come_first_served() -> None:
    limit = at_most(2)
    order: list[int] = []

    async def one(n: int) -> None:
        async with slot(limit):
            order.append(n)
            await asyncio.sleep(0)

    await asyncio.gather(*(one(n) for n in range(50)))
    assert order == list(range(50))


@pytest.mark.parametrize("times", [10, 1_000])
def test_a_small_tenant_waits_at_most_twice_as_long_beside_a_large_one(times: int) -> None:
    async def main(large: int) -> float:
        limit, loop = at_most(2), asyncio.get_running_loop()
        ends: list[float] = []

        async def call(tenant: str) -> None:
            async with slot(limit, tenant=tenant):
                await asyncio.sleep(1.0)
            if tenant == "small":
                ends.append(loop.time())

        others = [asyncio.ensure_future(call("large")) for _ in range(large)]
        await asyncio.sleep(0)
        await asyncio.gather(*(call("small") for _ in range(10)))
        for other in others:
            other.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        assert state(limit) == NOTHING
        return max(ends)

    alone_s, beside_s = on_virtual_time(lambda: main(0)), on_virtual_time(lambda: main(10 * times))
    assert beside_s <= 2 * alone_s + 1.0  # and what is in flight when they come


async def test_a_cancelled_waiter_leaks_nothing_even_in_the_tick_of_its_turn() -> None:
    limit, peak = at_most(1), Peak()
    holding, release = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with slot(limit):
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
    assert (peak.done, state(limit)) == (5, NOTHING)


@pytest.mark.parametrize("limits", [Limits(max_in_flight=2), Limits(requests_per_minute=120), None])
def test_wherever_calls_are_cancelled_nothing_leaks(limits: Limits | None) -> None:
    chance = random.Random(7)

    async def call(limit: Limit) -> None:
        loop, call = asyncio.get_running_loop(), Call(unbounded=chance.random() < 0.1)
        if not limit.try_start(call, loop):
            await limit.wait(call, loop)
        try:
            await asyncio.sleep(chance.choice([0.0, 0.0, 0.3]))
        except asyncio.CancelledError:
            limit.ended(call, loop)
            raise
        if chance.random() < 0.2:
            limit.rejected(call, loop, chance.choice([None, 0.5]), None, 0.5)
        else:
            limit.accepted(call, loop, None, None)

    async def main() -> None:
        limit = Limit(limits)
        for _ in range(150):
            tasks = [asyncio.ensure_future(call(limit)) for _ in range(chance.randrange(1, 12))]
            for _ in range(chance.randrange(12)):  # any tick, those of a turn or an alarm among them
                await asyncio.sleep(0)
            if chance.random() < 0.5:
                await asyncio.sleep(chance.random())
            stopped = chance.sample(tasks, chance.randrange(len(tasks) + 1))
            for task in stopped:
                task.cancel()
            left = [task for task in tasks if task not in stopped]
            await asyncio.gather(*stopped, return_exceptions=True)
            if chance.random() < 0.5:
                await asyncio.gather(*left)
            else:
                for task in left:
                    task.cancel()
                await asyncio.gather(*left, return_exceptions=True)
            assert state(limit) == NOTHING
            assert not limit._alarms
        assert limit.controller.rules._about == 0

    on_virtual_time(main)


async def test_an_error_in_the_block_gives_the_slot_back() -> None:
    limit = at_most(1)
    for _ in range(3):
        with pytest.raises(ValueError, match="oops"):
            async with slot(limit):
                raise ValueError("oops")
    assert state(limit) == NOTHING


async def test_a_call_ends_once_whatever_is_said_of_it_later() -> None:
    limit, loop = at_most(2), asyncio.get_running_loop()
    async with slot(limit) as call:
        limit.accepted(call, loop, None, None)
        limit.ended(call, loop)
        limit.rejected(call, loop, 10.0, None, 0.0)
        limit.overloaded(call, loop, 10.0, 0.0)
        assert state(limit) == NOTHING
    assert (limit.rejections, limit.paused_s(loop)) == (0, 0.0)


async def test_an_unbounded_run_does_not_wait() -> None:
    limit, peak = at_most(1), Peak()
    async with slot(limit):
        await peak.work(limit, unbounded=True)
        assert limit.controller.in_flight == 1
    assert (peak.done, state(limit)) == (1, NOTHING)


def test_a_pause_holds_all_and_ends_on_time() -> None:
    async def main() -> list[float]:
        limit, loop = Limit(), asyncio.get_running_loop()
        async with slot(limit) as call:
            limit.overloaded(call, loop, 30.0, 0.5)
        assert limit.paused_s(loop) == 30.5
        at_s: list[float] = []

        async def one(unbounded: bool) -> None:
            async with slot(limit, unbounded=unbounded):
                at_s.append(loop.time())

        await asyncio.gather(*(one(n % 2 == 0) for n in range(10)))
        return at_s

    assert on_virtual_time(main) == [30.5] * 10


# --- loops in threads -------------------------------------------------------------------------------------------------


def in_thread(main: object) -> threading.Thread:
    thread = threading.Thread(target=main)  # type: ignore[arg-type]
    thread.start()
    return thread


def test_loops_in_threads_share_one_ceiling() -> None:
    limit, peak = at_most(5), Peak()

    async def many() -> None:
        await asyncio.gather(*(peak.work(limit) for _ in range(100)))

    threads = [in_thread(lambda: asyncio.run(many())) for _ in range(4)]
    for thread in threads:
        thread.join()
    assert (peak.most, peak.done, state(limit)) == (5, 400, NOTHING)


def test_a_blocked_loop_holds_no_slot_up() -> None:
    limit, peak = at_most(1), Peak()
    taken, queued, go_on = threading.Event(), threading.Event(), threading.Event()

    async def blocked() -> None:
        waiter = asyncio.ensure_future(peak.work(limit))
        await asyncio.sleep(0)
        queued.set()
        go_on.wait()  # this loop does not answer, though its waiter came first
        await waiter

    async def alive() -> None:
        async with slot(limit):
            taken.set()
            await asyncio.to_thread(queued.wait)
        await peak.work(limit)

    other = in_thread(lambda: taken.wait() and asyncio.run(blocked()))
    asyncio.run(alive())
    assert peak.done == 1
    go_on.set()
    other.join()
    assert (peak.done, state(limit)) == (2, NOTHING)


def test_of_many_loops_the_blocked_ones_hold_nobody_up() -> None:
    limit, peak, blocked_peak = at_most(2), Peak(), Peak()
    queued, go_on = threading.Semaphore(0), threading.Event()

    async def blocked() -> None:
        waiters = [asyncio.ensure_future(blocked_peak.work(limit)) for _ in range(5)]
        await asyncio.sleep(0)
        queued.release()
        go_on.wait()
        await asyncio.gather(*waiters)

    async def alive() -> None:
        await asyncio.gather(*(peak.work(limit) for _ in range(20)))

    async def first() -> None:
        async with slot(limit), slot(limit):
            threads.extend(in_thread(lambda: asyncio.run(blocked())) for _ in range(3))
            for _ in range(3):
                await asyncio.to_thread(queued.acquire)
        others = [in_thread(lambda: asyncio.run(alive())) for _ in range(3)]
        await alive()
        for thread in others:
            await asyncio.to_thread(thread.join)

    threads: list[threading.Thread] = []
    asyncio.run(first())
    assert peak.done == 80
    go_on.set()
    for thread in threads:
        thread.join()
    assert (blocked_peak.done, state(limit)) == (15, NOTHING)
    assert max(peak.most, blocked_peak.most) <= 2


def test_a_rejection_on_one_loop_pauses_another() -> None:
    limit, paused = Limit(), threading.Event()

    async def rejected() -> None:
        async with slot(limit) as call:
            limit.rejected(call, asyncio.get_running_loop(), 100.0, None, 0.0)
        paused.set()

    async def other() -> None:
        await asyncio.to_thread(paused.wait)
        call = Call()
        assert not limit.try_start(call, asyncio.get_running_loop())
        limit.controller.leave(call, asyncio.get_running_loop().time())

    thread = in_thread(lambda: asyncio.run(rejected()))
    asyncio.run(other())
    thread.join()
    assert state(limit) == NOTHING


def test_a_loop_closed_with_waiters_in_it_is_forgotten() -> None:
    limit, peak = at_most(1), Peak()

    async def leave_a_waiter() -> None:
        tasks.append(asyncio.ensure_future(peak.work(limit)))
        await asyncio.sleep(0)

    async def main() -> None:
        async with slot(limit):
            await asyncio.to_thread(lambda: loop.run_until_complete(leave_a_waiter()))
            loop.close()
        await peak.work(limit)

    tasks: list[asyncio.Future[None]] = []
    loop = asyncio.new_event_loop()
    asyncio.run(main())
    assert (peak.done, state(limit)) == (1, NOTHING)
    tasks[0]._log_destroy_pending = False  # type: ignore[attr-defined]


async def test_a_call_may_be_ended_by_the_collector_in_any_thread() -> None:
    loop = asyncio.get_running_loop()
    loop.set_debug(True)  # so that a timer set by another thread raises
    limit, peak = at_most(1), Peak()
    call = Call()
    assert limit.try_start(call, loop)
    waiter = asyncio.ensure_future(peak.work(limit))
    await asyncio.sleep(0)
    await asyncio.to_thread(limit.overloaded, call, loop, 0.001, 0.0)
    await waiter
    assert (peak.done, state(limit)) == (1, NOTHING)


async def test_a_call_that_the_collector_ends_in_the_midst_of_another_moves_nothing_then() -> None:
    loop = asyncio.get_running_loop()
    limit, peak = at_most(1), Peak()
    call = Call()
    assert limit.try_start(call, loop)
    waiter = asyncio.ensure_future(peak.work(limit))
    await asyncio.sleep(0)
    with limit._lock:
        limit.ended(call, loop)
        assert limit.controller.called == 0
    await waiter
    assert (peak.done, state(limit)) == (1, NOTHING)


def test_a_closed_loop_is_not_kept_alive() -> None:
    limit = at_most(1)

    async def wait_in_vain() -> None:
        async with slot(limit):
            waiter = asyncio.ensure_future(Peak().work(limit))
            await asyncio.sleep(0)
            waiter.cancel()
            await asyncio.gather(waiter, return_exceptions=True)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(wait_in_vain())
    loop.close()
    gone = weakref.ref(loop)
    del loop
    gc.collect()
    assert (gone(), state(limit)) == (None, NOTHING)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_loop_closed_with_waiters_in_it_is_not_kept_alive_either() -> None:
    limit = at_most(1)

    async def main(loop: asyncio.AbstractEventLoop) -> None:
        async with slot(limit):
            await asyncio.to_thread(loop.run_until_complete, leave_a_waiter())
            loop.close()
        await Peak().work(limit)

    async def leave_a_waiter() -> None:
        task = asyncio.ensure_future(Peak().work(limit))
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        await asyncio.sleep(0)

    loop = asyncio.new_event_loop()
    asyncio.run(main(loop))
    gone = weakref.ref(loop)
    del loop
    gc.collect()
    assert (gone(), state(limit), limit._alarms) == (None, NOTHING, {})


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_begins_anew_and_the_parents_calls_are_none_of_its() -> None:
    limit = at_most(1)
    call, waiter = Call(), Call()
    loop = VirtualTimeLoop()
    assert limit.try_start(call, loop)
    assert not limit.try_start(waiter, loop)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        said = b"a fault"
        try:
            limit.ended(call, loop)  # as the collector does when it finds the parent's calls
            limit.controller.leave(waiter, 0.0)
            asyncio.run(asyncio.wait_for(Peak().work(limit), 10))
            said = repr(state(limit)).encode()
        finally:
            os.write(write, said)
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 100) == repr(NOTHING).encode()
    assert state(limit) == (1, 0, 1)
    os.close(read)
    os.close(write)
    loop.close()


# --- whose limit it is ------------------------------------------------------------------------------------------------


def test_a_limit_belongs_to_provider_address_key_and_model() -> None:
    ours = ("openai", "https://api.test", "key", "a")
    limit = limit_for(ours)
    assert limit_for(ours) is limit
    for place, other in enumerate(("azure", "https://other.test", "other key", "b")):
        assert limit_for((*ours[:place], other, *ours[place + 1 :])) is not limit  # type: ignore[arg-type]
    assert (ours, limit) in all_limits()


def test_a_limit_that_nobody_uses_is_forgotten() -> None:
    limit = limit_for(identity("forgotten"), Limits(max_in_flight=1))
    del limit
    gc.collect()
    assert identity("forgotten") not in dict(all_limits())
    assert limit_for(identity("forgotten")).controller.declared is None


def test_two_limits_do_not_influence_each_other() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        stopped, free = limit_for(identity("stopped")), limit_for(identity("free"))
        async with slot(stopped) as call:
            stopped.rejected(call, loop, 60.0, None, 0.0)
        assert (stopped.paused_s(loop), free.paused_s(loop)) == (60.0, 0.0)
        async with slot(free):
            assert loop.time() == 0.0

    on_virtual_time(main)


def test_a_limit_is_the_same_on_every_loop() -> None:
    async def found() -> Limit:
        return limit_for(identity("shared"))

    kept = limit_for(identity("shared"))
    assert asyncio.run(found()) is kept


async def test_the_latest_limits_count() -> None:
    limit, peak = limit_for(identity("c"), Limits(max_in_flight=1)), Peak()
    assert limit_for(identity("c"), Limits(max_in_flight=4)) is limit
    await asyncio.gather(*(peak.work(limit) for _ in range(20)))
    assert peak.most == 4


async def test_who_waits_when_a_higher_limit_is_declared_need_not_wait_for_an_end() -> None:
    limit = limit_for(identity("d"), Limits(max_in_flight=1))
    async with slot(limit):
        waiter = asyncio.ensure_future(Peak().work(limit))
        await asyncio.sleep(0)
        limit_for(identity("d"), Limits(max_in_flight=2))
        await waiter


async def test_limits_without_a_number_of_calls_leave_the_ceiling_to_be_learned() -> None:
    limit = limit_for(identity("e"), Limits(requests_per_minute=60_000))
    assert limit.controller.ceiling.most is None
    assert limit.controller.ceiling.value == 16


def test_what_virtual_time_taught_means_nothing_on_a_real_clock_and_the_other_way_round() -> None:
    limit = Limit()

    async def paused() -> None:
        async with slot(limit) as call:
            limit.overloaded(call, asyncio.get_running_loop(), 60.0, 0.0)

    async def at_once() -> float:
        async with slot(limit):
            return asyncio.get_running_loop().time()

    class Later(VirtualTimeLoop):
        def __init__(self) -> None:
            super().__init__()
            self._now = 1_000_000.0

    with asyncio.Runner(loop_factory=Later) as runner:
        runner.run(paused())
    assert on_virtual_time(at_once) == 0.0
