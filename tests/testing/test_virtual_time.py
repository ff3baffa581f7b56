"""Time that jumps, but not ahead of anything that works."""

from __future__ import annotations

import asyncio
import threading

import msgspec
import pytest
import uvloop

from aiocrew import Agent, Crew, Task, UsageError, tool
from aiocrew.aio.pool import run_in_thread
from aiocrew.seeing.recorder import recording
from aiocrew.testing import (
    EPOCH_S,
    DeadlockError,
    ScriptedModel,
    VirtualTimeLoop,
    calls,
    run_virtual,
    virtual_runtime,
)
from tests.crew.scenes import one_task_crew


def now_s() -> float:
    return asyncio.get_running_loop().time()


def test_a_day_takes_no_time() -> None:
    async def main() -> float:
        await asyncio.sleep(3 * 86_400)
        return now_s()

    assert run_virtual(main) == 3 * 86_400


def test_timers_fire_in_order_at_exactly_their_times() -> None:
    async def main() -> list[float]:
        fired: list[float] = []

        async def wait(seconds: float) -> None:
            await asyncio.sleep(seconds)
            fired.append(now_s())

        await asyncio.gather(*map(wait, (0.3, 0.1, 0.2, 0.1)))
        return fired

    assert run_virtual(main) == [0.1, 0.1, 0.2, 0.3]


def test_a_time_limit_ends_what_waits() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await asyncio.Event().wait()
        return now_s()

    assert run_virtual(main) == 60


@pytest.mark.parametrize("in_thread", [run_in_thread, asyncio.to_thread, lambda f: loop_executor(f)])
def test_no_time_passes_while_a_thread_works(in_thread) -> None:
    ticked = threading.Event()

    async def main() -> tuple[str, float]:
        timer = asyncio.create_task(asyncio.sleep(5))
        timer.add_done_callback(lambda _: ticked.set())
        said = await in_thread(work)
        at_s = now_s()
        await timer
        return said, at_s

    def work() -> str:
        return "late" if ticked.wait(0.05) else "in time"

    assert run_virtual(main) == ("in time", 0.0)


async def loop_executor(function):
    return await asyncio.get_running_loop().run_in_executor(None, function)


def test_time_goes_on_while_a_thread_waits_for_the_loop() -> None:
    @tool
    def ask_another_crew(topic: str) -> str:
        """Ask another crew."""
        return one_task_crew(ScriptedModel("inner", delay_s=7)).kickoff({"topic": topic}).raw

    async def main() -> tuple[str, float]:
        model = ScriptedModel(calls(("ask_another_crew", {"topic": "tea"})), "outer")
        agent = Agent(role="R", goal="g", backstory="b", llm=model, tools=[ask_another_crew])
        task = Task(description="Ask", expected_output="x", agent=agent)
        output = await Crew(agents=[agent], tasks=[task]).kickoff_async()
        return output.raw, now_s()

    assert run_virtual(main) == ("outer", 7)


def test_a_thread_that_nobody_waits_for_any_more_holds_no_time_up() -> None:
    released = threading.Event()

    async def main() -> float:
        for in_thread in (run_in_thread, asyncio.to_thread):
            work = asyncio.create_task(in_thread(released.wait))
            await asyncio.sleep(0)
            work.cancel()
            with pytest.raises(asyncio.CancelledError):
                await work
        await asyncio.sleep(3600)
        released.set()
        return now_s()

    assert run_virtual(main) == 3600


def test_timers_come_at_their_real_pace_where_a_thread_waits_for_one_in_a_way_of_its_own() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        work = asyncio.run_coroutine_threadsafe
        return await asyncio.to_thread(lambda: work(asyncio.sleep(0.02, loop), loop).result().time())

    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(patience_s=0.01)) as runner:
        assert runner.run(main()) == 0.02


def test_the_default_executor_is_shut_down_without_a_warning() -> None:
    async def main() -> None:
        started = threading.Event()
        leaving = asyncio.get_running_loop().run_in_executor(
            None, lambda: started.set() or threading.Event().wait(0.05)
        )
        await asyncio.to_thread(started.wait)
        leaving.cancel()

    run_virtual(main)


def test_when_nothing_can_go_on_it_says_what_waits_where() -> None:
    async def stuck() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        await asyncio.sleep(2)
        await asyncio.create_task(stuck(), name="stuck-one")

    with (
        asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(patience_s=0.01)) as runner,
        pytest.raises(DeadlockError, match=r"(?s)at 2 s of virtual time.*stuck-one: .*locks\.py:"),
    ):
        runner.run(main())


def test_a_thread_that_it_knows_nothing_of_may_wake_it() -> None:
    async def main() -> str:
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[str] = loop.create_future()
        threading.Timer(0.02, lambda: loop.call_soon_threadsafe(outcome.set_result, "woken")).start()
        return await outcome

    assert run_virtual(main) == "woken"


async def test_inside_a_running_loop_it_says_what_to_do() -> None:
    async def main() -> None:
        raise AssertionError("must not run")

    with pytest.raises(UsageError, match=r"inside a running asyncio.*virtual_time"):
        run_virtual(main)


def test_a_loop_of_uvloop_is_refused() -> None:
    async def main() -> None:
        virtual_runtime(asyncio.get_running_loop())

    with (
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        pytest.raises(UsageError, match=r"this is a uvloop\.Loop, which keeps real time"),
    ):
        runner.run(main())


def test_wall_time_begins_at_a_fixed_moment() -> None:
    async def main() -> list[float]:
        with recording() as events:
            await one_task_crew(ScriptedModel("done", delay_s=2)).kickoff_async({"topic": "tea"})
        return [events[0].wall_s, events[-1].wall_s]

    assert run_virtual(main) == [EPOCH_S, EPOCH_S + 2]


def test_two_runs_tell_the_same_events_to_the_byte() -> None:
    def log(seed: int) -> bytes:
        async def main() -> None:
            crew = one_task_crew(ScriptedModel(by=lambda request: "done", delay_s=0.5))
            await crew.kickoff_for_each_async([{"topic": str(number)} for number in range(5)])

        with recording() as events:
            run_virtual(main, seed=seed)
        return msgspec.json.encode(events)

    assert log(1) == log(1)
