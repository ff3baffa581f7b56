"""Many runs, in turn and at once, in a project on aiocrew."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import nest_asyncio
from aiocrew import Agent, Crew

nest_asyncio.apply()  # expect: AIC105

gate = asyncio.Semaphore(1)
wide = asyncio.Semaphore(8)
mutex = threading.Lock()


async def in_turn(crews: list[Crew], topics: list[str]) -> list[str]:
    for crew in crews:  # expect: AIC401
        await crew.kickoff_async()
    texts = [(await crew.kickoff_async()).raw for crew in crews]  # expect: AIC401
    results = {}
    for number, topic in enumerate(topics):  # expect: AIC401
        inputs = {"topic": topic, "number": number}
        try:
            output = await asyncio.wait_for(crews[0].kickoff_async(inputs), 60)
        except TimeoutError as error:
            print(f"{topic}: {error}")
            continue
        if "sorry" in output.raw:
            print("refused")
        else:
            results[topic] = output.raw
    return texts + list(results.values())


async def chained(crews: list[Crew], topics: list[str]) -> str:
    last = ""
    for crew in crews:
        last = (await crew.kickoff_async({"before": last})).raw
    notes: list[str] = []
    inputs = {"notes": notes}
    for topic in topics:
        output = await crews[0].kickoff_async({"topic": topic, **inputs})
        notes.append(output.raw)
    for topic in topics:
        if (await crews[1].kickoff_async({"topic": topic})).raw == "yes":
            break
    for attempt in range(3):
        try:
            return (await crews[2].kickoff_async({"attempt": attempt})).raw
        except TimeoutError:
            pass
    return last


async def stages(facts: Crew, views: Crew, writer: Crew, topic: str) -> str:
    found = await facts.kickoff_async({"topic": topic})  # expect: AIC402
    said = await views.kickoff_async({"topic": topic})
    text = await writer.kickoff_async({"facts": found.raw, "views": said.raw})
    return text.raw


async def worker(queue: asyncio.Queue[str], crew: Crew) -> None:
    while True:
        await crew.kickoff_async({"topic": await queue.get()})


async def drafts_of_each(topics: list[str], crew: Crew) -> list[str]:
    texts = []
    for topic in topics:  # expect: AIC401
        draft = ""
        for _ in range(3):
            draft = (await crew.kickoff_async({"topic": topic, "draft": draft})).raw
        texts.append(draft)
    return texts


async def together(crews: list[Crew], agent: Agent) -> list[object]:
    await asyncio.gather(*[crew.kickoff_async() for crew in crews])  # expect: AIC501
    await asyncio.gather(*(crew.kickoff_async() for crew in crews), return_exceptions=True)
    runs = []
    for crew in crews:
        runs.append(asyncio.create_task(crew.kickoff_async()))
    await asyncio.gather(*runs)  # expect: AIC501
    async with asyncio.TaskGroup() as group:
        for crew in crews:
            group.create_task(crew.kickoff_async())
    return await asyncio.gather(crews[0].kickoff_async(), agent.kickoff_async("Hello"))  # expect: AIC501


async def guarded(crew: Crew) -> None:
    async with gate:  # expect: AIC404
        await crew.kickoff_async()
    async with wide:
        await crew.kickoff_async()
    async with asyncio.Lock():
        await crew.kickoff_async()


def in_threads(crew: Crew, inputs: list[dict[str, str]]) -> None:
    with ThreadPoolExecutor() as pool:
        list(pool.map(crew.kickoff, inputs))  # expect: AIC405
        pool.submit(partial(crew.kickoff, inputs[0]))  # expect: AIC405
    with mutex:  # expect: AIC404
        crew.kickoff()


def one_by_one(crew: Crew, topics: list[str]) -> list[str]:
    texts = []
    for topic in topics:  # expect: AIC403
        texts.append(crew.kickoff({"topic": topic}).raw)
    return texts
