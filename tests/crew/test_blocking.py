"""The synchronous doors inside and outside of a running loop."""

from __future__ import annotations

import asyncio
import warnings

import pytest

from aiocrew.aio.blocking import BlockingKickoffWarning
from aiocrew.crew.crew import Crew
from aiocrew.tools.decorator import tool
from tests.crew.scenes import agent_with, one_task_crew, task_for
from tests.doubles import ScriptedModel, calls


def test_outside_of_a_loop_kickoff_just_runs():
    assert one_task_crew(ScriptedModel("ok")).kickoff({"topic": "x"}).raw == "ok"


async def test_inside_a_loop_it_works_and_names_the_line_once():
    crew = one_task_crew(ScriptedModel("a", "b"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        outputs = [crew.kickoff().raw for _ in range(2)]
    assert outputs == ["a", "b"]
    assert [warning.category for warning in caught] == [BlockingKickoffWarning]
    assert "test_blocking.py" in caught[0].filename
    assert f"{__file__}:{caught[0].lineno}: kickoff() inside a running event loop" in str(caught[0].message)
    assert "await crew.kickoff_async(...)" in str(caught[0].message)


async def test_for_each_inside_a_loop_works_too():
    with pytest.warns(BlockingKickoffWarning, match="kickoff_for_each"):
        outcomes = one_task_crew(ScriptedModel(by=lambda _: "ok")).kickoff_for_each([{"topic": 1}, {"topic": 2}])
    assert len(outcomes.succeeded) == 2


async def test_a_synchronous_tool_may_kick_off_another_crew_without_a_warning():
    inner = one_task_crew(ScriptedModel("inner answer"))

    @tool
    def ask_others(question: str) -> str:
        """Ask another crew."""
        return inner.kickoff().raw

    agent = agent_with(ScriptedModel(calls(("ask_others", {"question": "?"})), "outer"), tools=[ask_others])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        output = await asyncio.wait_for(Crew(agents=[agent], tasks=[task_for(agent)]).kickoff_async(), 20)
    assert output.raw == "outer"


async def test_a_door_that_leads_to_another_one_names_the_users_line():
    agent = agent_with(ScriptedModel("a"))
    with pytest.warns(BlockingKickoffWarning, match=r"test_blocking\.py:\d+: execute_task\(\)") as caught:
        task_for(agent).execute_sync(agent)
    assert caught[0].filename == __file__
