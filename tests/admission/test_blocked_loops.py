"""A loop that waits for synchronous code never waits for itself."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import Callable

import pytest

from aiocrew.admission.call import Call
from aiocrew.admission.limits import Limit
from aiocrew.crew.crew import Crew
from aiocrew.models.llm import LLM
from aiocrew.net.closing import aclose
from aiocrew.tools.decorator import tool
from aiocrew.types.limits import Limits
from tests.crew.scenes import agent_with, task_for
from tests.net.loopback import Provider, Seen, completion, http, serving


def held_back(provider: Provider) -> LLM:
    url = f"http://127.0.0.1:{provider.port}/v1"
    return LLM("openai/m", base_url=url, api_key="k", max_retries=0, limits=Limits(max_in_flight=1))


def limit_of(llm: LLM) -> Limit:
    return llm.resolve().model._limit  # type: ignore[attr-defined,no-any-return]


def by_kickoff(llm: LLM) -> object:
    agent = agent_with(llm)
    return Crew(agents=[agent], tasks=[task_for(agent, "Inner work")]).kickoff()


def by_call(llm: LLM) -> object:
    return llm.call("Inner work")


def by_tool(llm: LLM) -> object:
    @tool
    async def ask(question: str) -> str:
        """Ask."""
        return await llm.acall(question)

    return ask.run(question="Inner work")


WAYS = [by_kickoff, by_call, by_tool]


@pytest.mark.parametrize("blocking", WAYS)
def test_what_blocks_a_loop_does_not_wait_for_the_slot_that_the_loop_holds(blocking: Callable[[LLM], object]) -> None:
    async def main() -> None:
        async with serving(completion()) as provider:
            llm = held_back(provider)
            limit, call, loop = limit_of(llm), Call(), asyncio.get_running_loop()
            assert limit.try_start(call, loop)  # a call of this loop is in flight
            await asyncio.to_thread(in_a_loop_of_its_own, blocking, llm)
            assert (limit.controller.in_flight, limit.controller.unbounded) == (1, 0)
            limit.ended(call, loop)
            await aclose()

    # The provider runs on this loop, so the loop that is blocked must be another one.
    def in_a_loop_of_its_own(act: Callable[[LLM], object], llm: LLM) -> None:
        async def block() -> None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                act(llm)

        asyncio.run(block())

    asyncio.run(asyncio.wait_for(main(), 20))


def asking_for_the_tool() -> bytes:
    call = {"id": "c", "type": "function", "function": {"name": "work", "arguments": '{"question": "x"}'}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    return http({"model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]})


async def uses_the_tool_once(provider: Provider, seen: Seen, writer: asyncio.StreamWriter) -> None:
    """Answer slowly, so that calls wait for the one slot; who has a tool is told to use it."""
    await asyncio.sleep(0.01)
    asked = json.loads(seen.body)
    uses = "tools" in asked and all(message["role"] != "tool" for message in asked["messages"])
    writer.write(asking_for_the_tool() if uses else completion("done"))


def crew_with_a_tool(llm: LLM, act: Callable[[LLM], object], *, on_loop: bool) -> tuple[Crew, list[str]]:
    heard: list[str] = []

    def act_and_hear() -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a kickoff() on a running loop warns
            result = act(llm)
        heard.append(str(getattr(result, "raw", result)))
        return "worked"

    if on_loop:

        @tool
        async def work(question: str) -> str:
            """Work, and block the loop."""
            return act_and_hear()
    else:

        @tool
        def work(question: str) -> str:
            """Work in a thread."""
            return act_and_hear()

    agent = agent_with(llm, tools=[work])
    return Crew(agents=[agent], tasks=[task_for(agent)]), heard


@pytest.mark.parametrize("act", WAYS)
@pytest.mark.parametrize("on_loop", [False, True], ids=["in a thread", "on the loop"])
def test_a_tool_that_blocks_finishes_under_a_ceiling_of_one(act: Callable[[LLM], object], on_loop: bool) -> None:
    runs = 4

    def crews(llm: LLM) -> tuple[list[object], list[str]]:
        crew, heard = crew_with_a_tool(llm, act, on_loop=on_loop)

        async def together() -> list[object]:
            async with asyncio.timeout(20):
                return await asyncio.gather(*(crew.kickoff_async({"topic": "x"}) for _ in range(runs)))

        return [output.raw for output in asyncio.run(together())], heard  # type: ignore[attr-defined]

    async def main() -> None:
        async with serving(uses_the_tool_once) as provider:
            llm = held_back(provider)
            raws, heard = await asyncio.to_thread(crews, llm)
            assert raws == ["done"] * runs
            assert heard == ["done"] * runs
            assert len(provider.requests) == 3 * runs
            controller = limit_of(llm).controller
            assert (controller.in_flight, controller.called, controller.waiting) == (0, 0, 0)
            if not on_loop:
                assert provider.peak == 1
            await aclose()

    asyncio.run(main())
