"""Code that swallows a cancellation, or raises what nobody should, ends its own run and no other."""

from __future__ import annotations

import asyncio
import sys

import pytest

from aiocrew.crew.crew import Crew
from aiocrew.errors import BadRequestError, CallbackError, DeadlineExceededError, TaskError
from aiocrew.seeing.recorder import recording
from aiocrew.tools.decorator import tool
from aiocrew.types.context import RunOptions
from aiocrew.types.events import CrewKickoffFailed
from aiocrew.types.messages import Reply
from tests.crew.scenes import agent_with, one_task_crew, task_for
from tests.doubles import ScriptedModel, calls, on_virtual_time


@tool
async def swallow(x: int) -> str:
    """Swallow every exception."""
    try:
        await asyncio.sleep(100)
    except BaseException:
        return "swallowed"
    return "slept"


def swallowing(**fields):
    model = ScriptedModel(calls(("swallow", {"x": 1})), "went on")
    agent = agent_with(model, tools=[swallow], **fields)
    return model, Crew(agents=[agent], tasks=[task_for(agent)])


def test_a_cancellation_that_a_tool_swallowed_still_ends_the_run():
    async def main():
        model, crew = swallowing()
        task = asyncio.ensure_future(crew.kickoff_async())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(model.requests) == 1

    on_virtual_time(main)


@pytest.mark.parametrize(("fields", "options"), [({"max_execution_time": 1}, None), ({}, RunOptions(deadline_s=1))])
def test_a_limit_that_a_tool_swallowed_still_ends_the_run(fields, options):
    async def main():
        model, crew = swallowing(**fields)
        with pytest.raises(DeadlineExceededError):
            await crew.kickoff_async(options=options)
        assert len(model.requests) == 1

    on_virtual_time(main)


def test_a_sibling_that_swallows_makes_no_further_call():
    async def main():
        model, crew = swallowing()

        class Fails:
            async def reply(self, request):
                await asyncio.sleep(1)
                raise BadRequestError("no")

        other = agent_with(Fails())
        both = [task_for(crew.agents[0], "A", async_execution=True), task_for(other, "B", async_execution=True)]
        with pytest.raises(BadRequestError):
            await Crew(agents=[*crew.agents, other], tasks=both).kickoff_async()
        assert len(model.requests) == 1

    on_virtual_time(main)


def test_a_model_that_swallows_is_cancelled_all_the_same():
    class Swallows:
        async def reply(self, request):
            try:
                await asyncio.sleep(100)
            except asyncio.CancelledError:
                return Reply("went on")

    async def main():
        task = asyncio.ensure_future(one_task_crew(Swallows()).kickoff_async())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    on_virtual_time(main)


@tool
def leave(x: int) -> str:
    """Leave the program."""
    sys.exit(x)


async def test_sys_exit_in_a_tool_is_told_to_the_model():
    model = ScriptedModel(calls(("leave", {"x": 2})), "still here")
    agent = agent_with(model, tools=[leave])
    assert (await Crew(agents=[agent], tasks=[task_for(agent)]).kickoff_async()).raw == "still here"
    assert "SystemExit: 2" in model.requests[1].messages[-1].text


async def test_sys_exit_in_a_model_or_callback_fails_its_input_only():
    def exits(request):
        if "bad" in request.messages[1].text:
            sys.exit(3)
        return "ok"

    crew = one_task_crew(ScriptedModel(by=exits))
    outcomes = await crew.kickoff_for_each_async([{"topic": "good"}, {"topic": "bad"}])
    assert [outcome.status for outcome in outcomes] == ["ok", "failed"]
    assert isinstance(outcomes[1].error, TaskError)
    with pytest.raises(CallbackError, match="SystemExit"):
        await one_task_crew(ScriptedModel("ok"), task_callback=lambda _: sys.exit(1)).kickoff_async()


async def test_nobody_is_alive_when_an_exception_of_another_kind_comes_out():
    class Fail(BaseException):
        pass

    ended = []

    @tool
    async def act(x: int) -> str:
        """Fail, or wait."""
        if x < 3:
            raise Fail(x)
        try:
            await asyncio.sleep(100)
        finally:
            ended.append(x)

    model = ScriptedModel(calls(*[("act", {"x": n}) for n in (1, 2, 3)]))
    agent = agent_with(model, tools=[act])
    with pytest.raises(Fail):
        await Crew(agents=[agent], tasks=[task_for(agent)]).kickoff_async()
    assert ended == [3]
    assert len(asyncio.all_tasks()) == 1


async def converting(*_):
    try:
        await asyncio.sleep(100)
    except asyncio.CancelledError:
        raise ValueError("made of a cancellation") from None


class Converts:
    reply = staticmethod(converting)


@pytest.mark.parametrize("beside", [False, True], ids=["chain", "branches"])
@pytest.mark.parametrize("place", ["model", "callback", "before_kickoff"])
def test_an_error_made_of_a_cancellation_is_that_cancellation(place, beside):
    async def main():
        model = Converts() if place == "model" else ScriptedModel(by=lambda request: "answer")
        agent = agent_with(model)
        tasks = [task_for(agent, "A", async_execution=beside), task_for(agent, "B", context=[])]
        crew = Crew(agents=[agent], tasks=tasks, task_callback=converting if place == "callback" else None)
        crew.before_kickoff_callbacks += [converting] if place == "before_kickoff" else []
        with pytest.raises(DeadlineExceededError):
            await crew.kickoff_async(options=RunOptions(deadline_s=1))
        with recording() as events:
            task = asyncio.ensure_future(crew.kickoff_async())
            await asyncio.sleep(1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert [event.cancelled for event in events if isinstance(event, CrewKickoffFailed)] == [True]

    on_virtual_time(main)
