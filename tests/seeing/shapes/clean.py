"""Programs in which nothing keeps runs from going on side by side, or nothing could be done about it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import Any

import anyio
import uvloop

from aiocrew import GuardrailError, tool
from aiocrew.flow import Flow, and_, listen, start
from tests.seeing.shapes.parts import crew, in_real_time, topics


async def workers_of_a_queue_in_a_task_group() -> None:
    researchers, queue = crew(), asyncio.Queue[Any]()
    for topic in topics(9):
        queue.put_nowait(topic)

    async def work() -> None:
        while not queue.empty():
            await researchers.kickoff_async(queue.get_nowait())

    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(work())


async def an_async_generator_over_what_is_done_first() -> None:
    async def answers() -> AsyncIterator[str]:
        researchers = crew()
        for done in asyncio.as_completed([researchers.kickoff_async(topic) for topic in topics()]):
            yield (await done).raw

    assert len([answer async for answer in answers()]) == 6


async def a_task_group_of_all() -> None:
    researchers = crew()
    async with asyncio.TaskGroup() as group:
        for topic in topics():
            group.create_task(researchers.kickoff_async(topic))


async def tasks_begun_at_once_and_awaited_in_a_loop() -> None:
    researchers = crew()
    tasks = [asyncio.create_task(researchers.kickoff_async(topic)) for topic in topics()]
    for task in tasks:
        await task


async def runs_begun_at_once_and_awaited_in_a_loop() -> None:
    researchers = crew()
    async with AsyncExitStack() as stack:
        runs = [await stack.enter_async_context(researchers.start(topic)) for topic in topics()]
        for run in runs:
            await run


async def crews_inside_the_tools_of_a_batch() -> None:
    inner = crew(name=" inside")

    @tool("ask")
    async def ask(topic: str) -> str:
        """Ask others."""
        return (await inner.kickoff_async({"topic": topic})).raw

    await crew(tools=[ask]).kickoff_for_each_async(topics())


async def a_flow_with_two_beginnings_that_are_joined() -> None:
    class Report(Flow):
        @start()
        async def facts(self) -> str:
            return (await crew(name=" as a fact").kickoff_async({"topic": "bees"})).raw

        @start()
        async def prices(self) -> str:
            return (await crew(name=" at a price").kickoff_async({"topic": "honey"})).raw

        @listen(and_(facts, prices))
        async def write(self) -> str:
            return (await crew(name=" in writing").kickoff_async({"topic": "both"})).raw

    await asyncio.gather(*(Report().kickoff_async() for _ in range(3)))


async def a_chain_by_a_part_of_an_answer() -> None:
    researchers = crew()
    last = "bees"
    for _ in range(4):
        answer = (await researchers.kickoff_async({"topic": last})).raw
        last = answer.split(" was")[0]


async def a_conversation() -> None:
    researchers, said = crew(), ["hello"]
    while len(said) < 5:
        said.append((await researchers.kickoff_async({"topic": " | ".join(said)})).raw)


async def tried_again_until_it_is_well() -> None:
    failing = {"left": 8}

    async def guard(output: Any) -> tuple[bool, Any]:
        failing["left"] -= 1
        return failing["left"] < 0, output.raw

    async def one(topic: dict[str, str]) -> None:
        for _ in range(6):
            try:
                await crew(guardrail=guard, guardrail_max_retries=0).kickoff_async(topic)
            except GuardrailError:
                continue
            break

    await asyncio.gather(*(one(topic) for topic in topics(3)))


async def a_task_group_of_anyio() -> None:
    researchers = crew()
    async with anyio.create_task_group() as group:
        for topic in topics():
            group.start_soon(researchers.kickoff_async, topic)


@in_real_time
def on_uvloop() -> None:
    async def main() -> None:
        researchers = crew()
        await asyncio.gather(*(researchers.kickoff_async(topic) for topic in topics()))

    uvloop.run(main())


async def a_semaphore_that_spares_a_database() -> None:
    connections = asyncio.Semaphore(2)

    @tool("query")
    async def query(topic: str) -> str:
        """Ask a database."""
        async with connections:
            await asyncio.sleep(0.005)
            return f"{topic} is old"

    await crew(tools=[query]).kickoff_for_each_async(topics(12))


async def a_lock_for_the_shared_state_alone() -> None:
    researchers, lock, found = crew(), asyncio.Lock(), dict[str, str]()

    async def one(topic: dict[str, str]) -> None:
        answer = await researchers.kickoff_async(topic)
        async with lock:
            found[topic["topic"]] = answer.raw
            await asyncio.sleep(0)

    await asyncio.gather(*(one(topic) for topic in topics(30)))


async def a_job_that_comes_round() -> None:
    for number in range(4):
        await crew().kickoff_async({"topic": f"news {number}"})
        await asyncio.sleep(1.0)


async def a_window_of_tasks() -> None:
    researchers, under_way = crew(), set[asyncio.Task[Any]]()
    for topic in topics(12):
        if len(under_way) >= 4:
            _, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        under_way.add(asyncio.create_task(researchers.kickoff_async(topic)))
    await asyncio.wait(under_way)


async def jobs_from_a_queue_that_others_fill() -> None:
    researchers, queue = crew(), asyncio.Queue[Any]()

    async def serve() -> None:
        while (job := await queue.get()) is not None:
            await researchers.kickoff_async(job)

    async def ask() -> None:
        for topic in topics(4):
            await queue.put(topic)
        await queue.put(None)

    await asyncio.gather(serve(), ask())


async def events_of_several_runs_side_by_side() -> None:
    researchers = crew()

    async def one(topic: dict[str, str]) -> int:
        return len([event async for event in researchers.stream(topic)])

    await asyncio.gather(*(one(topic) for topic in topics()))


@in_real_time
def threads_enough() -> None:
    researchers = crew()
    with ThreadPoolExecutor(6) as executor:
        assert len(list(executor.map(researchers.kickoff, topics()))) == 6


async def outcomes_taken_at_once() -> None:
    async with crew().map(topics(12), max_concurrency=12) as outcomes:
        assert len([outcome async for outcome in outcomes]) == 12


async def first_the_outline_then_the_chapters() -> None:
    outline = (await crew(name=" in an outline").kickoff_async({"topic": "a book"})).raw
    writers = crew(name=" in a chapter")
    chapters = await asyncio.gather(*(writers.kickoff_async({"topic": f"{outline} {n}"}) for n in range(4)))
    await crew(name=" in a summary").kickoff_async({"topic": " ".join(chapter.raw for chapter in chapters)})


async def a_time_limit_around_each() -> None:
    researchers = crew()

    async def one(topic: dict[str, str]) -> None:
        async with asyncio.timeout(60):
            await asyncio.wait_for(researchers.kickoff_async(topic), 30)

    await asyncio.gather(*(one(topic) for topic in topics()))


async def groups_until_one_is_found() -> None:
    researchers, todo = crew(), topics(9)
    for first in range(0, 9, 3):
        answers = await asyncio.gather(*(researchers.kickoff_async(topic) for topic in todo[first : first + 3]))
        if any("Hematite" in answer.raw for answer in answers):
            break


async def groups_of_which_each_takes_up_the_last() -> None:
    researchers = crew()
    said = ["bees", "salt", "maps"]
    for _ in range(3):
        answers = await asyncio.gather(*(researchers.kickoff_async({"topic": text}) for text in said))
        said = [answer.raw for answer in answers]


async def groups_with_a_pause_between() -> None:
    researchers, todo = crew(), topics(9)
    for first in range(0, 9, 3):
        await asyncio.gather(*(researchers.kickoff_async(topic) for topic in todo[first : first + 3]))
        await asyncio.sleep(1.0)


async def rounds_of_a_debate() -> None:
    left, right = crew(name=" on the left"), crew(name=" on the right")
    said = "Is salt good?"
    for _ in range(3):
        one, other = await asyncio.gather(left.kickoff_async({"topic": said}), right.kickoff_async({"topic": said}))
        said = f"{one.raw} {other.raw}"


async def tools_that_fill_a_store_which_later_groups_read() -> None:
    store: list[str] = []

    @tool("note")
    async def note(topic: str) -> str:
        """Note a topic, and tell what was noted."""
        store.append(topic)
        return f"{len(store)} are noted"

    researchers, todo = crew(tools=[note]), topics(6)
    for first in range(0, 6, 2):
        await asyncio.gather(*(researchers.kickoff_async(topic) for topic in todo[first : first + 2]))


async def requests_that_come_meanwhile() -> None:
    researchers = crew()

    async def endpoint(topic: dict[str, str]) -> None:
        await researchers.kickoff_async(topic)
        await researchers.kickoff_async({"topic": f"{topic['topic']} again"})

    await asyncio.gather(*(endpoint(topic) for topic in topics(4)))
