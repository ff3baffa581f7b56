"""What an observation leaves behind, and how it goes with threads, loops and other observations."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from asyncio.base_events import BaseEventLoop
from concurrent.futures import ThreadPoolExecutor

import pytest
import uvloop

from aiocrew import UsageError, observe
from aiocrew.flow import Flow, start
from aiocrew.seeing.report import Cause
from aiocrew.testing import DeadlockError, run_virtual
from aiocrew.types.context import everywhere
from aiocrew.types.events import LoopBlocked
from tests.crew.scenes import one_task_crew
from tests.doubles import ScriptedModel, on_virtual_time


async def several(number: int, delay_s: float = 0.05) -> None:
    crews = [one_task_crew(ScriptedModel(f"answer {n}", delay_s=delay_s)) for n in range(number)]
    await asyncio.gather(*(crew.kickoff_async() for crew in crews))


def test_it_leaves_everything_as_it_was() -> None:
    before = ThreadPoolExecutor.submit, BaseEventLoop.create_task, everywhere(), threading.active_count()
    with observe() as outer, observe() as inner:
        asyncio.run(several(3))
        assert ThreadPoolExecutor.submit is not before[0]
    assert (ThreadPoolExecutor.submit, BaseEventLoop.create_task, everywhere()) == before[:3]
    assert not [thread for thread in threading.enumerate() if thread.name == "aiocrew-watch"]
    assert outer.report().runs == inner.report().runs == 3


def test_it_keeps_no_loop_and_no_task_alive() -> None:
    gone: list[weakref.ref[object]] = []

    async def main() -> None:
        gone.append(weakref.ref(asyncio.get_running_loop()))
        gone.append(weakref.ref(asyncio.current_task()))  # type: ignore[arg-type]
        await several(2)

    with observe() as seen:
        asyncio.run(main())
    gc.collect()
    assert [reference() for reference in gone] == [None, None]
    assert seen.report().runs == 2


def test_an_observation_is_entered_once() -> None:
    seen = observe()
    with seen:
        pass
    with pytest.raises(UsageError, match="once"), seen:
        pass


def test_without_a_run_there_is_an_empty_report() -> None:
    with observe() as seen:
        pass
    report = seen.report()
    assert (report.runs, report.wall_s, report.culprits) == (0, 0.0, ())


def test_figures_of_runs_at_once() -> None:
    with observe() as seen:
        on_virtual_time(lambda: several(10, delay_s=2.0))
    report = seen.report()
    assert (report.runs, report.calls, report.peak) == (10, 10, 10)
    assert report.wall_s == report.ideal_s == 2.0
    assert report.overlap == 10.0
    assert report.culprits == ()


def test_on_uvloop_it_sees_a_blocked_loop_as_well() -> None:
    async def blocking() -> None:
        for _ in range(5):
            time.sleep(0.15)
            await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(several(3, delay_s=1.0), blocking())

    with observe() as seen:
        uvloop.run(main())
    (culprit,) = seen.report().culprits
    assert (culprit.cause, culprit.function) == (Cause.BLOCKED_LOOP, "blocking")


def test_loops_in_several_threads_are_seen_each() -> None:
    def work() -> None:
        asyncio.run(several(2))

    with observe() as seen:
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert seen.report().runs == 6


async def test_a_report_can_be_had_while_runs_go_on() -> None:
    with observe() as seen:
        task = asyncio.ensure_future(several(4, delay_s=0.05))
        await asyncio.sleep(0.01)
        assert seen.report().runs == 4
        await task
    assert [type(event).__name__ for event in seen.events].count("CrewKickoffCompleted") == 4


def test_synchronous_kickoffs_in_a_loop_are_awaited_in_turn_too() -> None:
    crews = [one_task_crew(ScriptedModel(f"answer {n}", delay_s=0.05)) for n in range(4)]
    with observe() as seen:
        for crew in crews:
            crew.kickoff()
    (culprit,) = seen.report().culprits
    assert culprit.cause is Cause.AWAITED_IN_TURN
    assert culprit.file == __file__


async def test_workers_of_a_queue_are_no_finding() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()
    for number in range(9):
        queue.put_nowait(number)

    async def worker() -> None:
        while not queue.empty():
            number = queue.get_nowait()
            await one_task_crew(ScriptedModel(f"answer {number}", delay_s=0.05)).kickoff_async()

    with observe() as seen:
        await asyncio.gather(*(worker() for _ in range(3)))
    assert seen.report().culprits == ()


async def test_requests_that_come_one_after_another_are_no_finding() -> None:
    async def handler(number: int) -> None:
        await one_task_crew(ScriptedModel(f"answer {number}", delay_s=0.05)).kickoff_async()

    with observe() as seen:
        for number in range(4):
            await asyncio.get_running_loop().create_task(handler(number))
    assert seen.report().culprits == ()


def test_on_virtual_time_a_lock_is_seen_and_a_deadlock_is_still_told() -> None:
    async def locked() -> None:
        lock = asyncio.Lock()

        async def one(number: int) -> None:
            async with lock:
                await one_task_crew(ScriptedModel(f"answer {number}", delay_s=10.0)).kickoff_async()

        await asyncio.gather(*(one(number) for number in range(5)))

    with observe() as seen:
        on_virtual_time(locked)
    (culprit,) = seen.report().culprits
    assert culprit.cause is Cause.HELD_LOCK
    assert culprit.function == "one"

    async def stuck() -> None:
        await several(1)
        await asyncio.Event().wait()

    with observe(), pytest.raises(DeadlockError):
        run_virtual(stuck)


async def test_chunks_of_a_batch_that_wait_for_their_slowest_are_awaited_in_turn() -> None:
    crews = [one_task_crew(ScriptedModel(f"answer {n}", delay_s=0.2 if n % 3 == 0 else 0.02)) for n in range(9)]
    with observe() as seen:
        for first in range(0, 9, 3):
            await asyncio.gather(*(crew.kickoff_async() for crew in crews[first : first + 3]))
    report = seen.report()
    assert report.peak == 3
    (culprit,) = report.culprits
    assert culprit.cause is Cause.AWAITED_IN_TURN
    assert "9 runs in 3 groups" in culprit.what


def test_what_goes_on_between_two_runs_of_a_loop_blocks_nothing() -> None:
    with observe() as seen, asyncio.Runner() as runner:
        runner.run(several(2))
        time.sleep(0.2)
        runner.run(several(2))
    assert [event for event in seen.events if isinstance(event, LoopBlocked) and event.blocked_s > 0.15] == []


async def test_runs_in_turn_inside_a_flow_do_not_lengthen_the_ideal() -> None:
    class Writing(Flow):
        @start()
        async def write(self) -> None:
            for number in range(3):
                await one_task_crew(ScriptedModel(f"answer {number}", delay_s=0.1)).kickoff_async()

    with observe() as seen:
        await Writing().kickoff_async()
    report = seen.report()
    assert report.ideal_s < 0.2 < report.wall_s
    (culprit,) = report.culprits
    assert culprit.cause is Cause.AWAITED_IN_TURN
