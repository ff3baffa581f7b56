"""Programs in each of which one line, marked `# HERE: cause`, keeps runs from going on side by side."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import anyio
import uvloop

from aiocrew import tool
from aiocrew.flow import Flow, start
from tests.seeing.shapes.parts import crew, in_real_time, topics


async def a_task_group_for_each() -> None:
    researchers = crew()
    for topic in topics():  # HERE: awaited-in-turn
        async with asyncio.TaskGroup() as group:
            group.create_task(researchers.kickoff_async(topic))


async def chunks_of_equal_length() -> None:
    researchers, todo = crew(), topics(9)
    for first in range(0, 9, 3):  # HERE: awaited-in-turn
        await asyncio.gather(*(researchers.kickoff_async(topic) for topic in todo[first : first + 3]))


async def chunks_in_task_groups() -> None:
    researchers, todo = crew(), topics(9)
    chunks = [todo[first : first + 3] for first in range(0, 9, 3)]
    for chunk in chunks:  # HERE: awaited-in-turn
        async with asyncio.TaskGroup() as group:
            for topic in chunk:
                group.create_task(researchers.kickoff_async(topic))


async def batches_one_after_another() -> None:
    researchers, todo = crew(), topics(9)
    for first in range(0, 9, 3):  # HERE: awaited-in-turn
        await researchers.kickoff_for_each_async(todo[first : first + 3])


async def a_pair_in_each_pass() -> None:
    facts, prices = crew(name=" as a fact"), crew(name=" at a price")
    for topic in topics(4):  # HERE: awaited-in-turn
        await asyncio.gather(facts.kickoff_async(topic), prices.kickoff_async(topic))


async def crews_in_turn_inside_a_tool() -> None:
    inner = crew(name=" inside")

    @tool("ask")
    async def ask(topic: str) -> str:
        """Ask others."""
        found = {}
        for side in ("left", "right", "middle"):  # HERE: awaited-in-turn
            found[side] = (await inner.kickoff_async({"topic": side})).raw
        return " ".join(found.values())

    await crew(tools=[ask]).kickoff_for_each_async(topics(3))


async def a_loop_in_a_method_of_a_flow() -> None:
    class Report(Flow):
        @start()
        async def write(self) -> None:
            for topic in topics(4):  # HERE: awaited-in-turn
                await crew().kickoff_async(topic)

    await Report().kickoff_async()


async def a_semaphore_of_anyio_around_runs() -> None:
    researchers, one_at_a_time = crew(), anyio.Semaphore(1)

    async def one(topic: dict[str, str]) -> None:
        async with one_at_a_time:  # HERE: held-lock
            await researchers.kickoff_async(topic)

    async with anyio.create_task_group() as group:
        for topic in topics():
            group.start_soon(one, topic)


async def a_limiter_of_anyio_around_runs() -> None:
    researchers, few = crew(), anyio.CapacityLimiter(2)

    async def one(topic: dict[str, str]) -> None:
        async with few:  # HERE: held-lock
            await researchers.kickoff_async(topic)

    async with anyio.create_task_group() as group:
        for topic in topics():
            group.start_soon(one, topic)


async def a_semaphore_in_a_helper() -> None:
    few = asyncio.Semaphore(1)

    @asynccontextmanager
    async def limited() -> AsyncIterator[None]:
        async with few:  # HERE: held-lock
            yield

    async def one(topic: dict[str, str]) -> None:
        async with limited():
            await crew().kickoff_async(topic)

    await asyncio.gather(*(one(topic) for topic in topics()))


async def a_lock_with_a_time_limit() -> None:
    lock = asyncio.Lock()

    async def one(topic: dict[str, str]) -> None:
        await asyncio.wait_for(lock.acquire(), 60)  # HERE: held-lock
        try:
            await crew().kickoff_async(topic)
        finally:
            lock.release()

    await asyncio.gather(*(one(topic) for topic in topics()))


@in_real_time
def a_helper_of_a_tool_that_computes() -> None:
    @tool("look_up")
    async def look_up(topic: str) -> str:
        """Look a topic up."""
        hard_work()
        return topic

    async def main() -> None:
        await crew(tools=[look_up]).kickoff_for_each_async(topics(5))

    uvloop.run(main())


def hard_work() -> None:
    time.sleep(0.08)  # HERE: blocked-loop of a_helper_of_a_tool_that_computes


@in_real_time
def a_guardrail_that_computes() -> None:
    async def guard(output: Any) -> tuple[bool, Any]:
        time.sleep(0.08)  # HERE: blocking-callback
        return True, output.raw

    async def main() -> None:
        await crew(guardrail=guard).kickoff_for_each_async(topics(5))

    asyncio.run(main())


@in_real_time
def an_executor_of_its_own() -> None:
    executor = ThreadPoolExecutor(1, thread_name_prefix="mine")

    @tool("look_up")
    async def look_up(topic: str) -> str:
        """Look a topic up."""
        await asyncio.get_running_loop().run_in_executor(executor, time.sleep, 0.08)  # HERE: full-thread-pool
        return topic

    async def main() -> None:
        await crew(tools=[look_up]).kickoff_for_each_async(topics(5))

    asyncio.run(main())
    executor.shutdown()


async def a_comprehension() -> None:
    researchers = crew()
    answers = [await researchers.kickoff_async(topic) for topic in topics()]  # HERE: awaited-in-turn
    assert len(answers) == 6


async def a_list_that_is_taken_apart() -> None:
    researchers = crew()
    todo = topics()
    while todo:  # HERE: awaited-in-turn
        await researchers.kickoff_async(todo.pop())


async def a_time_limit_in_a_loop() -> None:
    researchers = crew()
    for topic in topics():  # HERE: awaited-in-turn
        async with asyncio.timeout(60):
            await researchers.kickoff_async(topic)


async def a_batch_of_one_at_a_time() -> None:
    await crew().kickoff_for_each_async(topics(), max_concurrency=1)  # HERE: limit


async def a_task_for_each_awaited_at_once() -> None:
    researchers = crew()
    for topic in topics():  # HERE: awaited-in-turn
        await asyncio.create_task(researchers.kickoff_async(topic))


async def agents_in_turn() -> None:
    analyst = crew().agents[0]
    for topic in topics():  # HERE: awaited-in-turn
        await analyst.kickoff_async(f"Research {topic['topic']}")


@in_real_time
def threads_of_anyio() -> None:
    few = anyio.CapacityLimiter(2)

    @tool("look_up")
    async def look_up(topic: str) -> str:
        """Look a topic up."""
        await anyio.to_thread.run_sync(time.sleep, 0.08, limiter=few)  # HERE: full-thread-pool
        return topic

    async def main() -> None:
        await crew(tools=[look_up]).kickoff_for_each_async(topics(6))

    asyncio.run(main())
