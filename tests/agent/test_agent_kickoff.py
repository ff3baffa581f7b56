"""An agent kicked off by itself: the same engine, without a crew."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel

from aiocrew.admission.budget import Budget
from aiocrew.agent.agent import Agent
from aiocrew.aio.blocking import BlockingKickoffWarning
from aiocrew.crew.crew import Crew
from aiocrew.errors import BlueprintError, BudgetExceededError, DeadlineExceededError, GuardrailError, RateLimitError
from aiocrew.models.llm import LLM
from aiocrew.net.pool import aclose
from aiocrew.seeing.recorder import recording
from aiocrew.tools.decorator import tool
from aiocrew.types.context import RunOptions
from aiocrew.types.events import (
    LiteAgentExecutionCompleted,
    LiteAgentExecutionError,
    LiteAgentExecutionStarted,
    LLMCallCompleted,
)
from aiocrew.types.messages import Assistant, Request, System, ToolResult, User
from aiocrew.types.outputs import LiteAgentOutput
from tests.crew.scenes import agent_with, task_for
from tests.doubles import ScriptedModel, calls, on_virtual_time
from tests.net.loopback import completion, serving

WHO = "You are Analyst.\nCareful.\n\nYour goal: Find out"


class Report(BaseModel):
    title: str


@tool
async def look(at: str) -> str:
    """Look."""
    return f"saw {at}"


# What it is asked, and what it gives


async def test_a_text_is_asked_as_it_stands() -> None:
    model = ScriptedModel("three")
    output = await agent_with(model).kickoff_async("How many {bees}?")
    assert (output.raw, output.agent_role, str(output)) == ("three", "Analyst", "three")
    assert model.requests[0].messages == (System(WHO), User("How many {bees}?"))


async def test_a_conversation_goes_on() -> None:
    model = ScriptedModel("three")
    talk = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": "How many?"},
    ]
    await agent_with(model).kickoff_async(talk)
    system, *rest = model.requests[0].messages
    assert system == System(f"{WHO}\n\nBe brief.")
    assert rest == [User("Hello"), Assistant("Hi"), User("How many?")]


async def test_the_messages_that_it_gives_can_be_gone_on_with() -> None:
    model = ScriptedModel(calls(("look", {"at": "bees"}), text="looking"), "three", "four")
    agent = agent_with(model, tools=[look])
    output = await agent.kickoff_async("How many bees?")
    assert [message["role"] for message in output.messages] == ["system", "user", "assistant", "tool", "assistant"]
    again = await agent.kickoff_async([*output.messages, {"role": "user", "content": "And wasps?"}])
    asked = model.requests[2].messages
    assert asked[:4] == model.requests[1].messages
    assert asked[4:] == (Assistant("three"), User("And wasps?"))
    assert again.messages[-1] == {"role": "assistant", "content": "four"}


@pytest.mark.parametrize("nothing", ["", [], None, 3, {"role": "user", "content": "Hello"}])
async def test_nothing_to_say_is_refused(nothing: Any) -> None:
    with pytest.raises(BlueprintError, match=r"kickoff\(\) needs a text or a list of messages"):
        await agent_with(ScriptedModel()).kickoff_async(nothing)


async def test_its_tools_run_and_are_published_with_what_it_used() -> None:
    agent = agent_with(ScriptedModel(calls(("look", {"at": "bees"})), "three"), tools=[look])
    output = await agent.kickoff_async("How many bees?")
    assert output.usage_metrics is not None
    assert output.usage_metrics["successful_requests"] == 2
    assert output.usage_metrics["total_tokens"] == 30
    assert agent.tools_results == [{"result": "saw bees", "tool_name": "look", "tool_args": {"at": "bees"}}]


async def test_the_run_tells_of_itself() -> None:
    with recording() as events:
        await agent_with(ScriptedModel("three")).kickoff_async("How many?")
    first, *_, last = events
    assert isinstance(first, LiteAgentExecutionStarted)
    assert isinstance(last, LiteAgentExecutionCompleted)
    assert (first.agent, last.output, first.path) == ("Analyst", "three", "run")
    (asked,) = (event for event in events if isinstance(event, LLMCallCompleted))
    assert asked.path == "run/agent/turn-0/model"


# Forms and guardrails


async def test_a_form_gives_an_instance_after_a_correction() -> None:
    model = ScriptedModel("bees", '{"title": "Bees"}')
    output = await agent_with(model).kickoff_async("What?", response_format=Report)
    assert (output.pydantic, output.to_dict()) == (Report(title="Bees"), {"title": "Bees"})
    assert "title" in model.requests[1].messages[-1].text
    assert output.messages[-1] == {"role": "assistant", "content": '{"title": "Bees"}'}


async def test_the_form_of_its_llm_holds_unless_another_one_is_asked_for() -> None:
    async with serving(completion('{"title": "Bees"}')) as provider:
        llm = LLM("gpt-4o", base_url=f"http://127.0.0.1:{provider.port}/v1", api_key="k", response_format=Report)
        assert (await agent_with(llm).kickoff_async("What?")).pydantic == Report(title="Bees")
        await aclose()


@pytest.mark.parametrize("form", [dict, "Report", int])
async def test_what_is_no_form_is_refused(form: Any) -> None:
    with pytest.raises(BlueprintError, match="must be a class of pydantic's BaseModel"):
        await agent_with(ScriptedModel("x")).kickoff_async("What?", response_format=form)


async def test_its_guardrail_is_shown_the_output_and_may_ask_for_another_one() -> None:
    seen: list[LiteAgentOutput] = []

    def guardrail(output: LiteAgentOutput) -> tuple[bool, Any]:
        seen.append(output)
        return (True, output) if output.raw == "three" else (False, "in words")

    model = ScriptedModel("3", "three")
    output = await agent_with(model, guardrail=guardrail).kickoff_async("How many?")
    assert output.raw == "three"
    assert [(shown.raw, shown.agent_role) for shown in seen] == [("3", "Analyst"), ("three", "Analyst")]
    assert "in words" in model.requests[1].messages[-1].text


async def test_a_guardrail_with_no_patience_left_is_an_error_that_names_the_agent() -> None:
    model = ScriptedModel(by=lambda _: "3")
    agent = agent_with(model, guardrail=lambda output: (False, "no"), guardrail_max_retries=1)
    with pytest.raises(GuardrailError, match=r"rejected the answer 2 times; .*: no \(in agent 'Analyst'\)"):
        await agent.kickoff_async("How many?")


async def test_a_guardrail_in_words_and_one_that_changes_an_instance() -> None:
    model = ScriptedModel("three", '{"valid": true}')
    assert (await agent_with(model, guardrail="is a number").kickoff_async("How many?")).raw == "three"
    agent = agent_with(ScriptedModel('{"title": "Bees"}'), guardrail=lambda output: (True, {"title": "Ants"}))
    assert (await agent.kickoff_async("What?", Report)).pydantic == Report(title="Ants")


# Terms


def test_a_deadline_ends_it() -> None:
    model = ScriptedModel("late", delay_s=60)
    agent = agent_with(model)
    with pytest.raises(DeadlineExceededError, match="deadline of 5 s"):
        on_virtual_time(lambda: agent.kickoff_async("How many?", options=RunOptions(deadline_s=5)))
    assert model.in_flight == 0


async def test_a_budget_holds() -> None:
    model = ScriptedModel(calls(("look", {"at": "x"})), "three")
    with pytest.raises(BudgetExceededError):
        await agent_with(model, tools=[look]).kickoff_async("?", options=RunOptions(budget=Budget(requests=1)))
    assert len(model.requests) == 1


async def test_an_error_names_the_agent_and_is_told_of() -> None:
    with recording() as events, pytest.raises(RateLimitError, match="Analyst"):
        await agent_with(ScriptedModel(RateLimitError("slow"))).kickoff_async("How many?")
    assert isinstance(events[-1], LiteAgentExecutionError)


async def test_a_cancelled_one_leaves_nothing() -> None:
    model = ScriptedModel("late", delay_s=3600)
    task = asyncio.create_task(agent_with(model).kickoff_async("How many?"))
    await model.reached(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (model.in_flight, len(asyncio.all_tasks())) == (0, 1)


async def test_a_hundred_at_once_do_not_cross() -> None:
    def answer(request: Request) -> Any:
        asked = next(message.text for message in request.messages if isinstance(message, User))
        got = [message.text for message in request.messages if isinstance(message, ToolResult)]
        return got[0] if got else calls(("look", {"at": asked}))

    agent = agent_with(ScriptedModel(by=answer, delay_s=0), tools=[look])
    outputs = await asyncio.gather(*(agent.kickoff_async(f"q{n}") for n in range(100)))
    assert [output.raw for output in outputs] == [f"saw q{n}" for n in range(100)]
    assert {(output.usage_metrics or {})["successful_requests"] for output in outputs} == {2}


# Inside others, and from code that cannot await


async def test_inside_a_tool_of_a_crew_it_is_a_part_of_that_run() -> None:
    inner = agent_with(ScriptedModel("three", "three"), role="Counter")

    @tool
    async def count(what: str) -> str:
        """Count."""
        return (await inner.kickoff_async(f"How many {what}?")).raw

    lead = agent_with(
        ScriptedModel(calls(("count", {"what": "bees"}), ("count", {"what": "ants"})), "six"), tools=[count]
    )
    with recording() as events:
        options = RunOptions(budget=Budget(requests=4))
        output = await Crew(agents=[lead], tasks=[task_for(lead)]).kickoff_async(options=options)
    assert output.raw == "six"
    roots = [event.path for event in events if isinstance(event, LiteAgentExecutionStarted)]
    assert sorted(roots) == ["run/task-0/turn-0/tool-0/run-0", "run/task-0/turn-0/tool-1/run-0"]
    with pytest.raises(BudgetExceededError):
        await agent_with(ScriptedModel("x")).kickoff_async("?", options=options)


def test_a_script_kicks_it_off_without_await() -> None:
    assert agent_with(ScriptedModel("three")).kickoff("How many?").raw == "three"


async def test_inside_a_loop_the_blocking_door_says_what_had_better_stand_there() -> None:
    with pytest.warns(BlockingKickoffWarning, match="agent.kickoff_async"):
        assert agent_with(ScriptedModel("three")).kickoff("How many?").raw == "three"


async def test_it_has_crewais_other_name_too() -> None:
    assert (await agent_with(ScriptedModel("three")).akickoff("How many?")).raw == "three"


async def test_a_task_can_be_done_without_a_crew() -> None:
    model = ScriptedModel(calls(("look", {"at": "bees"})), "three")
    agent: Agent = agent_with(model, tools=[look])
    assert await agent.aexecute_task(task_for(agent, "Count"), context="There are bees.") == "three"
    assert "There are bees." in model.requests[0].messages[1].text
    assert agent.tools_results[0]["result"] == "saw bees"
