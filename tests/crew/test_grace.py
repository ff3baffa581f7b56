"""User code that does not end when its run is cancelled is waited for as long as the run's grace, and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from aiocrew.aio.runtime import local_runtime
from aiocrew.crew.crew import Crew
from aiocrew.errors import DeadlineExceededError
from aiocrew.tools.decorator import tool
from aiocrew.types.context import RunOptions, active_runtime
from aiocrew.types.events import CallbackFailed
from tests.crew.scenes import agent_with, task_for
from tests.doubles import ScriptedModel, calls

BRIEF = RunOptions(grace_s=0.02)
LONG = RunOptions(grace_s=1_000)


class UserCode:
    """An async function that somebody hangs into a crew."""

    def __init__(self, clean_up: Callable[[], Any]) -> None:
        self._clean_up = clean_up
        self.began = asyncio.Event()
        self.heard: list[str] = []

    async def __call__(self, *args: Any) -> Any:
        self.began.set()
        try:
            await asyncio.Event().wait()
        finally:
            try:
                await self._clean_up()
                self.heard.append("clean")
            except asyncio.CancelledError:
                self.heard.append("interrupted")
                raise


async def for_ever() -> None:
    await asyncio.Event().wait()


async def whatever_comes() -> None:
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)


async def in_children() -> None:
    await asyncio.gather(for_ever(), for_ever())


async def a_moment() -> None:
    await asyncio.sleep(0.001)


def crew_with(code: UserCode, place: str) -> Crew:
    @tool("Work")
    async def work() -> str:
        """Work."""
        return await code() if place == "tool" else "done"

    if place == "cache_function":
        work.cache_function = code
    of_agent = {"step_callback": code} if place == "step_callback" else {}
    of_task = {"callback": code} if place == "callback" else {}
    of_crew = {place: [code]} if place in ("before_kickoff_callbacks", "after_kickoff_callbacks") else {}
    agent = agent_with(ScriptedModel(calls(("Work", {})), "answer"), tools=[work], **of_agent)
    return Crew(agents=[agent], tasks=[task_for(agent, "Work", **of_task)], cache=True, **of_crew)


PLACES = [
    "tool",
    "cache_function",
    "step_callback",
    "callback",
    "before_kickoff_callbacks",
    "after_kickoff_callbacks",
]


async def cancelled(crew: Crew, code: UserCode, options: RunOptions) -> asyncio.Task[Any]:
    run = asyncio.create_task(crew.kickoff_async(options=options))
    await code.began.wait()
    run.cancel()
    await asyncio.wait([run])
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert run.cancelling() == 1
    return run


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("clean_up", [for_ever, whatever_comes, in_children])
async def test_a_finally_block_is_interrupted_when_the_grace_is_over(place: str, clean_up: Callable[[], Any]) -> None:
    code = UserCode(clean_up)
    run = await cancelled(crew_with(code, place), code, BRIEF)
    assert run.cancelled()
    assert "clean" not in code.heard


@pytest.mark.parametrize("place", PLACES)
async def test_a_finally_block_has_the_grace_to_end(place: str) -> None:
    code = UserCode(a_moment)
    run = await cancelled(crew_with(code, place), code, LONG)
    assert run.cancelled()
    assert code.heard == ["clean"]


@pytest.mark.parametrize("place", PLACES)
async def test_a_deadline_is_not_held_up(place: str) -> None:
    code = UserCode(whatever_comes)
    with pytest.raises(DeadlineExceededError):
        await crew_with(code, place).kickoff_async(options=RunOptions(grace_s=0.02, deadline_s=0.02))
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_the_readers_are_told_that_a_callback_was_closed() -> None:
    class Reader:
        def __init__(self) -> None:
            self.failed: list[CallbackFailed] = []

        def emit(self, event: Any) -> None:
            if isinstance(event, CallbackFailed):
                self.failed.append(event)

    code, reader = UserCode(whatever_comes), Reader()
    token = active_runtime.set(replace(local_runtime(), sinks=(reader,)))
    await cancelled(crew_with(code, "callback"), code, BRIEF)
    active_runtime.reset(token)
    assert [event.error for event in reader.failed] == [
        "CancelledError('it went on for 0.02 s after it was cancelled, and was closed')"
    ]


async def test_a_run_within_a_tool_ends_with_the_outer_one() -> None:
    code = UserCode(for_ever)

    @tool("Delegate")
    async def delegate() -> str:
        """Have another crew work."""
        return (await crew_with(code, "tool").kickoff_async(options=BRIEF)).raw

    agent = agent_with(ScriptedModel(calls(("Delegate", {})), "answer"), tools=[delegate])
    outer = Crew(agents=[agent], tasks=[task_for(agent, "Delegate")])
    run = await cancelled(outer, code, BRIEF)
    assert run.cancelled()
    assert code.heard == ["interrupted"]
