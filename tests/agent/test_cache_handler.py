"""A cache of tool results that its user holds: it outlives runs, and agents may share it."""

from __future__ import annotations

import asyncio
import copy
import threading
from typing import Any

import pytest

from aiocrew.crew.crew import Crew
from aiocrew.errors import CallbackError
from aiocrew.seeing.recorder import recording
from aiocrew.tools.cache import CacheHandler
from aiocrew.tools.decorator import tool
from aiocrew.types.events import ToolUsageFinished
from aiocrew.types.messages import Request, ToolResult
from tests.crew.scenes import agent_with, task_for
from tests.doubles import ScriptedModel, calls


class Counted:
    """A tool, and what it really ran with."""

    def __init__(self, **options: Any) -> None:
        self.ran: list[str] = []

        @tool("look", **options)
        async def look(at: str, closely: bool = False) -> str:
            """Look."""
            self.ran.append(at)
            await asyncio.sleep(0)
            return f"saw {at}"

        self.tool = look


def asking(*named: tuple[str, dict[str, Any]]) -> ScriptedModel:
    def answer(request: Request) -> Any:
        got = [message.text for message in request.messages if isinstance(message, ToolResult)]
        return " ".join(got) if got else calls(*named)

    return ScriptedModel(by=answer)


def crew_of(handler: Any, counted: Counted, *named: tuple[str, dict[str, Any]], **fields: Any) -> Crew:
    agent = agent_with(asking(*named), tools=[counted.tool], cache_handler=handler)
    return Crew(agents=[agent], tasks=[task_for(agent)], **fields)


BEES = ("look", {"at": "bees"})


@pytest.mark.parametrize("crews_cache", [True, False])
async def test_a_later_run_finds_what_an_earlier_one_kept(crews_cache: bool) -> None:
    handler, counted = CacheHandler(), Counted()
    with recording() as events:
        for _ in range(2):
            crew = crew_of(handler, counted, BEES, cache=crews_cache)
            assert (await crew.kickoff_async()).raw == "saw bees"
    assert counted.ran == ["bees"]
    assert [event.reused for event in events if isinstance(event, ToolUsageFinished)] == [False, True]


async def test_other_arguments_are_another_call() -> None:
    handler, counted = CacheHandler(), Counted()
    for at in ("bees", "ants", "bees"):
        await crew_of(handler, counted, ("look", {"at": at})).kickoff_async()
    assert counted.ran == ["bees", "ants"]


async def test_without_a_handler_every_run_looks_for_itself() -> None:
    counted = Counted()
    for _ in range(2):
        await crew_of(None, counted, BEES).kickoff_async()
    assert counted.ran == ["bees", "bees"]


async def test_an_agent_that_caches_nothing_asks_no_handler() -> None:
    handler, counted = CacheHandler(), Counted()
    handler.add("look", {"at": "bees"}, "old")
    crew = crew_of(handler, counted, BEES)
    crew.agents[0].cache = False
    assert (await crew.kickoff_async()).raw == "saw bees"


async def test_a_cache_function_decides_what_is_kept() -> None:
    handler, counted = CacheHandler(), Counted(cache_function=lambda arguments, result: "ants" in result)
    for _ in range(2):
        await crew_of(handler, counted, BEES, ("look", {"at": "ants"})).kickoff_async()
    assert sorted(counted.ran) == ["ants", "bees", "bees"]


async def test_a_failure_is_not_kept() -> None:
    ran: list[int] = []

    @tool("look")
    async def look(at: str) -> str:
        """Look."""
        ran.append(1)
        raise LookupError(at)

    counted, handler = Counted(), CacheHandler()
    counted.tool = look
    for _ in range(2):
        await crew_of(handler, counted, BEES).kickoff_async()
    assert len(ran) == 2


async def test_equal_calls_of_one_turn_run_once_and_a_hundred_runs_at_once_do_not_cross() -> None:
    handler, counted = CacheHandler(), Counted()
    assert (await crew_of(handler, counted, BEES, BEES).kickoff_async()).raw == "saw bees saw bees"
    assert counted.ran == ["bees"]
    crews = [crew_of(handler, counted, ("look", {"at": f"bee {n % 10}"})) for n in range(100)]
    outputs = await asyncio.gather(*(crew.kickoff_async() for crew in crews))
    assert [output.raw for output in outputs] == [f"saw bee {n % 10}" for n in range(100)]


async def test_a_handler_of_ones_own_may_be_async_or_block_in_a_thread() -> None:
    class Async(CacheHandler):
        async def read(self, tool: str, input: Any) -> Any:
            await asyncio.sleep(0)
            return super().read(tool, input)

        async def add(self, tool: str, input: Any, output: Any) -> None:
            await asyncio.sleep(0)
            super().add(tool, input, output)

    class Blocking(CacheHandler):
        on_loop = False

        def read(self, tool: str, input: Any) -> Any:
            Blocking.on_loop |= threading.current_thread() is threading.main_thread()
            return super().read(tool, input)

    for handler in (Async(), Blocking()):
        counted = Counted()
        for _ in range(2):
            assert (await crew_of(handler, counted, BEES).kickoff_async()).raw == "saw bees"
        assert counted.ran == ["bees"]
    assert not Blocking.on_loop


@pytest.mark.parametrize("method", ["read", "add"])
async def test_a_handler_that_fails_is_named(method: str) -> None:
    class Broken(CacheHandler):
        pass

    def broken(self: Any, *args: Any) -> Any:
        raise OSError("disk is full")

    setattr(Broken, method, broken)
    with pytest.raises(CallbackError, match="the cache_handler raised OSError: disk is full"):
        await crew_of(Broken(), Counted(), BEES).kickoff_async()


async def test_a_kept_result_may_be_the_answer_of_the_task() -> None:
    handler, counted = CacheHandler(), Counted(result_as_answer=True)
    for _ in range(2):
        crew = crew_of(handler, counted, BEES)
        assert (await crew.kickoff_async()).raw == "saw bees"
        assert len(crew.agents[0].llm.requests) == 1


async def test_handing_work_on_asks_no_handler() -> None:
    class Unasked(CacheHandler):
        def read(self, tool: str, input: Any) -> Any:
            raise AssertionError(tool)

    work = ("delegate_work_to_coworker", {"coworker": "Writer", "task": "Write"})
    lead = agent_with(asking(work), allow_delegation=True, cache_handler=Unasked())
    writer = agent_with(ScriptedModel("a draft"), role="Writer")
    assert (await Crew(agents=[lead, writer], tasks=[task_for(lead)]).kickoff_async()).raw == "a draft"


def test_it_keeps_by_tool_and_by_arguments_in_whatever_order() -> None:
    handler = CacheHandler()
    handler.add("look", {"a": 1, "b": 2}, "x")
    handler.add("look", "text", "y")
    assert handler.read("look", {"b": 2, "a": 1}) == "x"
    assert handler.read("look", "text") == "y"
    assert (handler.read("look", {}), handler.read("hear", "text")) == (None, None)


def test_a_copy_of_an_agent_keeps_in_the_same_place() -> None:
    agent = agent_with(ScriptedModel(), cache_handler=CacheHandler())
    for other in (agent.model_copy(), copy.copy(agent), agent.model_copy(deep=True)):
        assert other.cache_handler is agent.cache_handler
