"""Wherever a run is when it is stopped, and whatever stops it: nothing of it is alive afterwards."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
from contextlib import suppress
from typing import Any

import pytest
import uvloop

from aiocrew import LLM, Agent, CallbackError, Crew, Task, aclose, tool
from aiocrew.aio import pool
from tests.server.piecewise import PiecewiseProvider

PATIENCE_S = 10.0
LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]
NewLoop = Callable[[], asyncio.AbstractEventLoop]
Stop = Callable[[], None]


class Points:
    """Counts the points at which any task of a loop waits; `at(n, stop)` has `stop` called at the n-th from now."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.passed = 0
        self._due: tuple[int, Stop] | None = None
        loop.set_task_factory(self._new_task)

    def at(self, point: int, stop: Stop) -> None:
        self.passed, self._due = 0, (point, stop)

    def reset(self) -> None:
        self._due = None

    def waits(self) -> None:
        if self._due is not None and self.passed == self._due[0]:
            self._due[1]()
        self.passed += 1

    def _new_task(self, loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
        async def counted() -> Any:
            return await _Counted(work, self)

        return asyncio.Task(counted(), loop=loop, **options)


class _Counted:
    """Hands on what goes between a task and its work, and counts the waits."""

    def __init__(self, work: Coroutine[Any, Any, Any], points: Points) -> None:
        self._work, self._points = work, points

    def __await__(self) -> Generator[Any, Any, Any]:
        told: BaseException | None = None
        while True:
            try:
                awaited = self._work.send(None) if told is None else self._work.throw(told)
            except StopIteration as end:
                return end.value
            told = None
            self._points.waits()
            try:
                yield awaited
            except BaseException as error:
                told = error


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[PiecewiseProvider]:
    with PiecewiseProvider() as provider:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        monkeypatch.setenv("OPENAI_BASE_URL", provider.url)
        yield provider


@pytest.fixture(autouse=True)
def _idle_threads_end_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool._POOL, "_idle_s", 0.05)


@tool("In a thread")
def in_a_thread(query: str) -> str:
    """Look it up."""
    return f"{query} in a thread"


@tool("On the loop")
async def on_the_loop(query: str) -> str:
    """Look it up, and tidy up afterwards."""
    try:
        await asyncio.sleep(0.001)
    finally:
        await asyncio.sleep(0)
    return f"{query} on the loop"


async def async_callback(output: Any) -> None:
    await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0.001))


def callback(output: Any) -> None:
    pass


def crew(*, stream: bool, failing: asyncio.Event | None = None) -> Crew:
    """Two tasks side by side, with everything that a run can wait for, and one after them."""

    async def fails_when_told(output: Any) -> None:
        if failing is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await failing.wait()
            raise RuntimeError("the callback fails")

    llm = LLM("gpt-4o-mini", stream=stream)
    busy = Agent(
        role="Busy", goal="Find out", backstory="-", llm=llm, tools=[in_a_thread, on_the_loop], step_callback=callback
    )
    plain = Agent(role="Plain", goal="Tell", backstory="-", llm=llm, step_callback=async_callback)
    tasks = [
        Task(description="One", expected_output="-", agent=busy, async_execution=True, callback=async_callback),
        Task(description="Two", expected_output="-", agent=plain, async_execution=True, callback=fails_when_told),
        Task(description="Three", expected_output="-", agent=plain, callback=callback),
    ]
    return Crew(
        agents=[busy, plain],
        tasks=tasks,
        before_kickoff_callbacks=[callback],
        after_kickoff_callbacks=[async_callback],
    )


def descriptors(provider: PiecewiseProvider) -> int:
    """Return how many descriptors this process has open, without those of the provider."""
    found = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            duplicate = os.dup(int(name))
        except OSError:
            continue  # the listing's own
        try:
            with socket.socket(fileno=duplicate) as connection:
                of_the_provider = connection.getsockname()[1:2] == (provider.port,)
        except OSError:  # no socket
            os.close(duplicate)
            of_the_provider = False
        found += not of_the_provider
    return found


def alive() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


def join_pool_threads() -> None:
    for thread in threading.enumerate():
        if thread.name == "aiocrew-pool":
            thread.join(PATIENCE_S)
            assert not thread.is_alive()


def run_on(loop: NewLoop, main: Callable[[], Awaitable[None]]) -> None:
    async def scenario() -> None:
        await main()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(scenario())


async def run_leaving_nothing(provider: PiecewiseProvider, times: int, one: Callable[[int], Awaitable[None]]) -> None:
    """Carry out `one` so often; nothing may be alive after each, and all be as before after the last."""
    await aclose()  # what counting the points left idle
    join_pool_threads()
    threads, before = threading.active_count(), descriptors(provider)
    longest_s = 0.0
    for n in range(times):
        await one(n)
        assert alive() == set()
        longest_s = max(longest_s, await provider.none_open())
    await aclose()
    print(f"the last request ended at most {1000 * longest_s:.1f} ms after its run; {provider.broken} were cut off")
    assert descriptors(provider) == before
    join_pool_threads()
    assert threading.active_count() == threads


async def count_points(points: Points, stream: bool) -> int:
    points.at(-1, lambda: None)
    await crew(stream=stream).kickoff_async()
    return points.passed


ANYWHERE = [
    pytest.param(loop, stream, id=f"{loop.__module__.split('.')[0]} {'streamed' if stream else 'whole'}")
    for loop in LOOPS
    for stream in (False, True)
]


@pytest.mark.parametrize(("loop", "stream"), ANYWHERE)
def test_a_cancel_at_any_await_point(provider: PiecewiseProvider, loop: NewLoop, stream: bool) -> None:
    chance = random.Random(f"{loop.__module__} {stream}")

    async def scenario() -> None:
        points = Points(asyncio.get_running_loop())
        number = await count_points(points, stream)

        async def cancelled(n: int) -> None:
            taken: list[bool] = []
            run = asyncio.create_task(crew(stream=stream).kickoff_async())
            points.at(chance.randrange(number), lambda: taken.append(run.cancel()))
            await asyncio.wait([run])
            points.reset()
            assert run.cancelled() == any(taken)

        await run_leaving_nothing(provider, 75, cancelled)

    run_on(loop, scenario)
    assert provider.broken > 0


@pytest.mark.parametrize(("loop", "stream"), ANYWHERE)
def test_a_timeout_at_any_await_point(provider: PiecewiseProvider, loop: NewLoop, stream: bool) -> None:
    chance = random.Random(f"{loop.__module__} {stream}")

    async def scenario() -> None:
        points = Points(asyncio.get_running_loop())
        number = await count_points(points, stream)

        async def timed_out(n: int) -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(None) as limit:
                    now = asyncio.get_running_loop().time
                    points.at(chance.randrange(number), lambda: limit.reschedule(now()))
                    await crew(stream=stream).kickoff_async()
                    points.reset()
            points.reset()

        await run_leaving_nothing(provider, 25, timed_out)

    run_on(loop, scenario)


@pytest.mark.parametrize(("loop", "stream"), ANYWHERE)
def test_a_sibling_that_fails_at_any_await_point(provider: PiecewiseProvider, loop: NewLoop, stream: bool) -> None:
    chance = random.Random(f"{loop.__module__} {stream}")

    async def scenario() -> None:
        points = Points(asyncio.get_running_loop())
        number = await count_points(points, stream)

        async def failed(n: int) -> None:
            failing = asyncio.Event()
            points.at(chance.randrange(number), failing.set)
            with pytest.raises(CallbackError, match="the callback fails"):
                await crew(stream=stream, failing=failing).kickoff_async()
            points.reset()

        await run_leaving_nothing(provider, 25, failed)

    run_on(loop, scenario)
