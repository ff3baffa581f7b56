"""A run that its loop is closed over tells of no failure: nothing failed, and there is nobody to hear of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from aiocrew.flow import Flow, start
from aiocrew.seeing.recorder import recording
from aiocrew.testing import ScriptedModel, calls, cassette
from aiocrew.tools.decorator import tool
from aiocrew.types.events import Event
from aiocrew.types.messages import Chunk, Reply, Request
from tests.crew.scenes import agent_with, one_task_crew

Hang = Callable[[], Coroutine[Any, Any, None]]
Make = Callable[[Hang], Coroutine[Any, Any, Any]]


def a_model(hang: Hang) -> Coroutine[Any, Any, Any]:
    class Silent:
        async def reply(self, request: Request) -> Reply:
            await hang()
            raise AssertionError

    return one_task_crew(Silent(), "Work").kickoff_async()


def a_stream(hang: Hang) -> Coroutine[Any, Any, Any]:
    class Silent:
        streams = True

        async def reply(self, request: Request) -> Reply:
            raise AssertionError

        async def stream(self, request: Request) -> AsyncIterator[Chunk | Reply]:
            yield Chunk("half ")
            await hang()

    return one_task_crew(Silent(), "Work").kickoff_async()


def a_tool(hang: Hang) -> Coroutine[Any, Any, Any]:
    @tool
    async def look() -> str:
        """Look."""
        await hang()
        return "seen"

    crew = one_task_crew(ScriptedModel(calls(("look", {})), "A"), "Work")
    crew.agents[0].tools = [look]
    return crew.kickoff_async()


def a_guardrail(hang: Hang) -> Coroutine[Any, Any, Any]:
    async def judge(output: Any) -> tuple[bool, Any]:
        await hang()
        return True, output

    crew = one_task_crew(ScriptedModel("A"), "Work")
    crew.tasks[0].guardrail = judge
    return crew.kickoff_async()


def a_callback(hang: Hang) -> Coroutine[Any, Any, Any]:
    async def tell(output: Any) -> None:
        await hang()

    crew = one_task_crew(ScriptedModel("A"), "Work")
    crew.tasks[0].callback = tell
    return crew.kickoff_async()


def an_agent(hang: Hang) -> Coroutine[Any, Any, Any]:
    async def tell(step: Any) -> None:
        await hang()

    return agent_with(ScriptedModel("A"), step_callback=tell).kickoff_async("Work")


def a_flow(hang: Hang) -> Coroutine[Any, Any, Any]:
    class Waiting(Flow):
        @start()
        async def wait(self) -> None:
            await hang()

    return Waiting().kickoff_async()


def left_behind(make: Make) -> list[Event]:
    """Return what a run tells from the moment in which its loop is closed over it."""
    loop = asyncio.new_event_loop()

    async def begin() -> Coroutine[Any, Any, Any]:
        hangs = asyncio.Event()

        async def hang() -> None:
            hangs.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(make(hang))
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        await hangs.wait()
        return task.get_coro()  # type: ignore[return-value]

    with recording() as events:
        run = loop.run_until_complete(begin())
        told = len(events)
        loop.close()
        run.close()  # as the garbage collector does, in whichever context it comes by
        return events[told:]


@pytest.mark.parametrize("make", [a_model, a_stream, a_tool, a_guardrail, a_callback, an_agent, a_flow])
def test_a_run_that_is_left_in_the_middle_tells_of_no_failure(make: Make) -> None:
    assert left_behind(make) == []


def test_nor_does_one_that_is_being_recorded(tmp_path: Any) -> None:
    async def recorded(hang: Hang) -> None:
        with cassette(tmp_path / "kept.json"):
            await a_callback(hang)

    assert left_behind(recorded) == []
