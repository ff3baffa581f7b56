"""A flow on crewai, and coroutines that come to nothing."""

import asyncio
import time

from crewai import LLM, Crew
from crewai.flow.flow import Flow, listen, router, start


class Writing(Flow):
    research: Crew
    writing: Crew

    @start()
    async def facts(self) -> None:
        time.sleep(1)  # expect: AIC201
        self.state["facts"] = (await self.research.kickoff_async(inputs={"what": "facts"})).raw  # expect: AIC402
        self.state["views"] = (await self.research.kickoff_async(inputs={"what": "views"})).raw

    @listen(facts)
    async def write(self) -> str:
        return self.writing.kickoff(inputs=self.state).raw  # expect: AIC101

    @router(write)
    async def judge(self) -> str:
        return LLM(model="gpt-4o").call("Is it good?")  # expect: AIC103

    @listen("good")
    async def publish(self) -> None:
        if input("Publish? ") == "y":  # expect: AIC205
            print(self.state)


class Service:
    """Has a kickoff of its own, which is no crew's."""

    def __init__(self) -> None:
        self.started = False

    def kickoff(self) -> None:
        self.started = True

    async def begin(self) -> None:
        self.kickoff()


async def lost(crew: Crew) -> str:
    crew.kickoff_async(inputs={})  # expect: AIC301
    forgotten = crew.akickoff()  # expect: AIC301
    output = crew.kickoff_async(inputs={})  # expect: AIC301
    print(f"got {crew.kickoff_for_each_async(inputs=[])}")  # expect: AIC301
    kept = [crew.kickoff_async(inputs={}) for _ in range(3)]
    given = crew.kickoff_async(inputs={})
    asyncio.create_task(given)
    await asyncio.gather(*kept, return_exceptions=True)
    return output.raw


def handed_on(crew: Crew) -> object:
    return crew.kickoff_async(inputs={})


async def several() -> None:
    await Writing().kickoff_async()
    Writing().kickoff()  # expect: AIC101
