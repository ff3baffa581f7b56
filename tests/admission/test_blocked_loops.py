"""A loop that waits for synchronous code never waits for itself."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable

import pytest

from aiocrew.crew.crew import Crew
from aiocrew.models.llm import LLM
from aiocrew.net.closing import aclose
from aiocrew.tools.decorator import tool
from tests.crew.scenes import agent_with, task_for
from tests.net.loopback import Provider, completion, serving


def held_back(provider: Provider) -> LLM:
    return LLM("openai/m", base_url=f"http://127.0.0.1:{provider.port}/v1", api_key="k", max_in_flight=1)


def by_kickoff(llm: LLM) -> object:
    agent = agent_with(llm)
    return Crew(agents=[agent], tasks=[task_for(agent)]).kickoff()


def by_call(llm: LLM) -> object:
    return llm.call("x")


def by_tool(llm: LLM) -> object:
    @tool
    async def ask(question: str) -> str:
        """Ask."""
        return await llm.acall(question)

    return ask.run(question="x")


@pytest.mark.parametrize("blocking", [by_kickoff, by_call, by_tool])
def test_what_blocks_a_loop_does_not_wait_for_the_slot_that_the_loop_holds(blocking: Callable[[LLM], object]) -> None:
    async def main() -> None:
        async with serving(completion()) as provider:
            llm = held_back(provider)
            held = llm.resolve().model._limit  # type: ignore[attr-defined]
            async with held.slot():  # a call of this loop is in flight
                await asyncio.to_thread(in_a_loop_of_its_own, blocking, llm)
            await aclose()

    # The provider runs on this loop, so the loop that is blocked must be another one.
    def in_a_loop_of_its_own(act: Callable[[LLM], object], llm: LLM) -> None:
        async def block() -> None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                act(llm)

        asyncio.run(block())

    asyncio.run(asyncio.wait_for(main(), 20))
