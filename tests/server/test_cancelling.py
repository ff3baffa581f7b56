"""Cancelling an await closes every socket of the run, also when a task fails in the same tick."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvloop

from aiocrew import Crew, aclose
from tests.server.crews import crew_for, crew_side_by_side
from tests.server.loopback import LoopbackProvider

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]
TEXTS = ("first", "second", "third")


def sockets() -> int:
    """Return how many sockets this process has open, the provider's ends included."""
    found = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
        except FileNotFoundError:
            continue  # the listing's own
    return found


async def others() -> set[asyncio.Task[Any]]:
    """Return the tasks that are alive beside this one."""
    current = asyncio.current_task()
    return {task for task in asyncio.all_tasks() if task is not current}


def run_on(loop: Callable[[], asyncio.AbstractEventLoop], main: Callable[[], Awaitable[None]]) -> None:
    async def scenario() -> None:
        await main()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(scenario())


@pytest.mark.parametrize("loop", LOOPS)
def test_no_socket_and_no_task_outlives_a_cancelled_run(
    provider: LoopbackProvider, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def scenario() -> None:
        before = sockets()
        provider.hold()
        run = asyncio.create_task(crew_side_by_side(*TEXTS).kickoff_async())
        await provider.seen(lambda counts: counts.in_flight == 3)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert await others() == set()
        await provider.seen(lambda counts: counts.broken == 3 and counts.open == 0)
        assert sockets() == before

    run_on(loop, scenario)


def test_idle_connections_stay_open_until_they_are_closed(provider: LoopbackProvider) -> None:
    async def scenario() -> None:
        before = sockets()
        await crew_side_by_side(*TEXTS).kickoff_async()
        assert provider.counts.open == 3
        provider.hold()
        run = asyncio.create_task(crew_for("fourth").kickoff_async())
        await provider.seen(lambda counts: counts.in_flight == 1)
        assert provider.counts.open == 3, "an idle connection is used again"
        run.cancel()
        await asyncio.wait([run])
        await provider.seen(lambda counts: counts.open == 2)
        await aclose()
        await provider.seen(lambda counts: counts.open == 0)
        assert sockets() == before
        assert await others() == set()

    run_on(asyncio.new_event_loop, scenario)


def after_ticks(ticks: int, function: Callable[[], None]) -> None:
    """Have `function` called so many turns of the loop from now."""
    if ticks:
        asyncio.get_running_loop().call_soon(after_ticks, ticks - 1, function)
    else:
        function()


def one(crew: Crew) -> Awaitable[Any]:
    return crew.kickoff_async()


def batch(crew: Crew) -> Awaitable[Any]:
    return crew.kickoff_for_each_async([{"n": 1}, {"n": 2}])


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("texts", [TEXTS, TEXTS[:1]], ids=["beside others", "alone"])
@pytest.mark.parametrize(("door", "runs"), [(one, 1), (batch, 2)])
def test_a_failure_about_the_tick_of_the_cancel_does_not_hide_it(
    provider: LoopbackProvider,
    loop: Callable[[], asyncio.AbstractEventLoop],
    texts: tuple[str, ...],
    door: Callable[[Crew], Awaitable[Any]],
    runs: int,
) -> None:

    async def scenario(ticks: int) -> None:
        callbacks = 0
        all_asked = len(provider.counts.asked) + runs * len(texts)
        taken: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        async def fail_as_it_is_cancelled(output: Any) -> None:
            nonlocal callbacks
            callbacks += 1
            last = callbacks == runs
            await provider.seen(lambda counts: len(counts.asked) == all_asked)
            if last:
                after_ticks(ticks, lambda: taken.set_result(run.cancel()))
            raise RuntimeError("the callback fails")

        async def kickoff() -> Any:
            return await door(crew_side_by_side(*texts, callback=fail_as_it_is_cancelled))

        run = asyncio.create_task(kickoff())
        await asyncio.wait([run])
        # A cancel that the task took is what it ends with; one that came after its end is nobody's.
        assert run.cancelled() == await taken
        assert await others() == set()
        await provider.seen(lambda counts: counts.in_flight == 0)

    async def scenarios() -> None:
        for ticks in range(8):
            await scenario(ticks)

    provider.hold(lambda task: task != "first")
    run_on(loop, scenarios)


async def test_a_failing_task_closes_its_siblings_connections(provider: LoopbackProvider) -> None:
    provider.hold(lambda task: task != "first")

    async def fail(output: Any) -> None:
        await provider.seen(lambda counts: counts.in_flight == 2)
        raise RuntimeError("the callback fails")

    with pytest.raises(Exception, match="the callback fails"):
        await crew_side_by_side(*TEXTS, callback=fail).kickoff_async()
    assert await others() == set()
    await provider.seen(lambda counts: counts.broken == 2 and counts.in_flight == 0)
