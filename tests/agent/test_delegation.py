"""allow_delegation: an agent hands work and questions to the others of its crew, within the run and without end."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import replace
from typing import Any

import pytest

from aiocrew.admission.budget import Budget
from aiocrew.agent.agent import Agent
from aiocrew.agent.delegation import AgentTools
from aiocrew.aio.runtime import local_runtime
from aiocrew.crew.crew import Crew
from aiocrew.errors import AuthenticationError, BudgetExceededError, CallbackError
from aiocrew.seeing.recorder import recording
from aiocrew.tools.decorator import tool
from aiocrew.types.context import RunOptions, active_runtime
from aiocrew.types.events import (
    DelegationCompleted,
    DelegationFailed,
    DelegationStarted,
    LLMCallCompleted,
    ToolUsageError,
    ToolUsageFinished,
)
from aiocrew.types.messages import Reply, Request, ToolResult
from aiocrew.types.outputs import CrewOutput
from tests.crew.scenes import agent_with, task_for
from tests.doubles import RecordingSteps, ScriptedModel, calls, on_virtual_time, prompt

DELEGATE, ASK = "delegate_work_to_coworker", "ask_question_to_coworker"


def work(to: str, task: str, context: str = "") -> tuple[str, dict[str, Any]]:
    return DELEGATE, {"coworker": to, "task": task, "context": context}


def lead(model: Any, **fields: Any) -> Agent:
    return agent_with(model, **{"role": "Lead", "allow_delegation": True, **fields})


def crew_of(first: Agent, *others: Agent, **fields: Any) -> Crew:
    return Crew(agents=[first, *others], tasks=[task_for(first)], **fields)


async def kickoff(first: Agent, *others: Agent, options: RunOptions | None = None) -> CrewOutput:
    return await crew_of(first, *others).kickoff_async(options=options)


def results(request: Request) -> list[str]:
    return [message.text for message in request.messages if isinstance(message, ToolResult)]


def given(request: Request) -> str:
    """Return the task's description."""
    return prompt(request).splitlines()[0].removeprefix("Your task: ")


def tools_of(request: Request) -> list[str]:
    return [spec.name for spec in request.tools]


# What it comes to


async def test_work_is_done_by_the_co_worker_and_its_answer_is_the_result() -> None:
    model, writer = ScriptedModel(calls(work("writer", "Write", "on bees")), "done"), ScriptedModel("a draft")
    other = ScriptedModel()
    output = await kickoff(lead(model), agent_with(writer, role="Writer"), agent_with(other, role="Reader"))
    assert output.raw == "done"
    assert results(model.requests[1]) == ["a draft"]
    assert prompt(writer.requests[0]).startswith("Your task: Write\n")
    assert "on bees" in prompt(writer.requests[0])
    assert "You are Writer." in writer.requests[0].messages[0].text
    assert other.requests == []


async def test_a_question_is_answered_likewise() -> None:
    asked = (ASK, {"coworker": "Writer", "question": "How many?", "context": "Bees."})
    model, writer = ScriptedModel(calls(asked), "done"), ScriptedModel("three")
    await kickoff(lead(model), agent_with(writer, role="Writer"))
    assert results(model.requests[1]) == ["three"]
    assert prompt(writer.requests[0]).startswith("Your task: How many?\n")


async def test_the_models_tools_name_the_co_workers_and_stand_behind_its_own() -> None:
    @tool
    async def look(at: str) -> str:
        """Look."""
        return at

    model = ScriptedModel("done")
    await kickoff(lead(model, tools=[look]), agent_with(ScriptedModel(), role="Writer"))
    assert tools_of(model.requests[0]) == ["look", DELEGATE, ASK]
    parameters = json.loads(bytes(model.requests[0].tools[1].parameters))
    assert parameters["properties"]["coworker"]["enum"] == ["Writer"]


async def test_without_co_workers_or_permission_there_are_no_such_tools() -> None:
    alone, obedient = ScriptedModel("done"), ScriptedModel("done")
    await kickoff(lead(alone))
    await kickoff(lead(obedient, allow_delegation=False), agent_with(ScriptedModel(), role="Writer"))
    assert (alone.requests[0].tools, obedient.requests[0].tools) == ((), ())


async def test_a_co_worker_has_its_own_tools_and_reports_to_its_own_callback() -> None:
    heard: list[str] = []

    @tool
    async def look(at: str) -> str:
        """Look."""
        return f"saw {at}"

    writer = ScriptedModel(calls(("look", {"at": "bees"})), "a draft")
    model = ScriptedModel(calls(work("Writer", "Write")), "done")
    doer = agent_with(writer, role="Writer", tools=[look], step_callback=lambda step: heard.append(type(step).__name__))
    assert (await kickoff(lead(model), doer)).raw == "done"
    assert results(writer.requests[1]) == ["saw bees"]
    assert heard == ["AgentAction", "AgentFinish"]


async def test_its_calls_count_for_the_run_and_the_run_tells_of_it() -> None:
    model, writer = ScriptedModel(calls(work("Writer", "Write")), "done"), ScriptedModel("a draft")
    with recording() as events:
        output = await kickoff(lead(model), agent_with(writer, role="Writer"))
    assert output.token_usage.successful_requests == 3
    started, completed = (e for e in events if isinstance(e, DelegationStarted | DelegationCompleted))
    path = "run/task-0/turn-0/tool-0"
    assert (started.agent, started.coworker, started.work, started.path) == ("Lead", "Writer", "Write", path)
    assert (completed.output, completed.path) == ("a draft", path)
    asked = [(event.agent, event.path) for event in events if isinstance(event, LLMCallCompleted)]
    assert asked[1] == ("Writer", f"{path}/coworker/turn-0/model")


async def test_what_a_model_writes_for_a_role_may_be_a_list_or_nothing() -> None:
    for written in (["Writer"], None, " [writer] ", '"Writer"'):
        model, writer = (
            ScriptedModel(calls((DELEGATE, {"coworker": written, "task": "Write"})), "x"),
            ScriptedModel("y"),
        )
        await kickoff(lead(model), agent_with(writer, role="Writer"))
        assert results(model.requests[1]) == ["y"]


async def test_an_unknown_co_worker_is_answered_with_the_names() -> None:
    model = ScriptedModel(calls(work("Baker", "Bake")), "done")
    with recording() as events:
        await kickoff(lead(model), *(agent_with(ScriptedModel(), role=role) for role in ("Writer", "Reader")))
    assert "no co-worker 'Baker'" in results(model.requests[1])[0]
    assert results(model.requests[1])[0].endswith("\n- Writer\n- Reader")
    assert [event for event in events if isinstance(event, DelegationStarted)] == []
    assert len([event for event in events if isinstance(event, ToolUsageError)]) == 1


# Side by side, and in chains


async def test_several_of_one_turn_go_on_at_once_also_equal_ones() -> None:
    asked = [work("Writer", "Write"), work("Writer", "Write"), work("Reader", "Read"), work("Reader", "Read more")]
    texts = iter("abcd")
    others = ScriptedModel(by=lambda _: next(texts), delay_s=0.01)
    model = ScriptedModel(calls(*asked), "done")
    await kickoff(lead(model), *(agent_with(others, role=role) for role in ("Writer", "Reader")))
    assert others.peak == 4
    assert sorted(results(model.requests[1])) == ["a", "b", "c", "d"]


async def test_two_who_hand_work_to_each_other_come_to_an_end() -> None:
    def passing_on(request: Request) -> Reply | str:
        others = [spec for spec in request.tools if spec.name == DELEGATE]
        if not others or results(request):
            return "done"
        return calls(work(json.loads(bytes(others[0].parameters))["properties"]["coworker"]["enum"][0], "You do it"))

    models = [ScriptedModel(by=passing_on) for _ in range(4)]
    agents = [lead(model, role=f"Agent {n}") for n, model in enumerate(models)]
    assert (await kickoff(*agents)).raw == "done"
    assert [len(model.requests) for model in models] == [2, 2, 2, 1]
    assert models[3].requests[0].tools == ()


async def test_nobody_is_offered_somebody_who_waits_for_it() -> None:
    seen: list[list[str]] = []

    def passing_on(request: Request) -> Reply | str:
        spec = next((spec for spec in request.tools if spec.name == DELEGATE), None)
        roles = [] if spec is None else json.loads(bytes(spec.parameters))["properties"]["coworker"]["enum"]
        if not results(request):
            seen.append(roles)
        return "done" if not roles or results(request) else calls(work(roles[-1], "You do it"))

    await kickoff(*(lead(ScriptedModel(by=passing_on), role=role) for role in "ABC"))
    assert seen == [["B", "C"], ["B"], []]


# What fails


async def test_a_co_worker_that_cannot_go_on_is_told_to_whoever_asked() -> None:
    lost, refusing = ScriptedModel(by=lambda _: ""), ScriptedModel(Reply("", refusal="I do not write"))
    model = ScriptedModel(calls(work("Writer", "Write"), work("Reader", "Read")), "done without")
    others = agent_with(lost, role="Writer", max_retry_limit=0), agent_with(refusing, role="Reader")
    with recording() as events:
        assert (await kickoff(lead(model), *others)).raw == "done without"
    told = results(model.requests[1])
    assert told[0].startswith("Writer could not do it: ")
    assert told[1].startswith("Reader could not do it: ")
    assert "I do not write" in told[1]
    failed = [event.coworker for event in events if isinstance(event, DelegationFailed)]
    assert sorted(failed) == ["Reader", "Writer"]


def test_its_own_time_being_over_is_told_too() -> None:
    model = ScriptedModel(calls(work("Writer", "Write")), "done without")
    slow = agent_with(ScriptedModel("late", delay_s=60), role="Writer", max_execution_time=5)
    assert on_virtual_time(lambda: kickoff(lead(model), slow)).raw == "done without"
    assert results(model.requests[1])[0].endswith("longer than max_execution_time=5 s")


def test_the_time_of_whoever_asked_ends_the_co_workers_work() -> None:
    writer = ScriptedModel("late", delay_s=60)
    model = ScriptedModel(calls(work("Writer", "Write")))
    with recording() as events, pytest.raises(TimeoutError, match="max_execution_time=5 s"):
        on_virtual_time(lambda: kickoff(lead(model, max_execution_time=5), agent_with(writer, role="Writer")))
    assert writer.in_flight == 0
    assert len([event for event in events if isinstance(event, DelegationFailed)]) == 1


async def test_a_provider_that_fails_ends_the_run() -> None:
    model = ScriptedModel(calls(work("Writer", "Write")))
    writer = agent_with(ScriptedModel(AuthenticationError("wrong key")), role="Writer")
    with pytest.raises(AuthenticationError, match="wrong key"):
        await kickoff(lead(model), writer)


async def test_a_budget_that_is_spent_ends_the_run() -> None:
    model = ScriptedModel(calls(work("Writer", "Write")))
    writer = ScriptedModel("a draft")
    with pytest.raises(BudgetExceededError):
        await kickoff(lead(model), agent_with(writer, role="Writer"), options=RunOptions(budget=Budget(requests=1)))
    assert writer.requests == []


async def test_a_callback_that_fails_ends_the_run() -> None:
    def broken(step: object) -> None:
        raise LookupError

    model, writer = ScriptedModel(calls(work("Writer", "Write"))), ScriptedModel("a draft")
    with pytest.raises(CallbackError, match="broken"):
        await kickoff(lead(model), agent_with(writer, role="Writer", step_callback=broken))


async def test_a_cancelled_run_leaves_no_co_worker_at_work() -> None:
    writer = ScriptedModel("late", "late", delay_s=3600)
    model = ScriptedModel(calls(work("Writer", "One"), work("Writer", "Two")))
    with recording() as events:
        task = asyncio.create_task(kickoff(lead(model), agent_with(writer, role="Writer")))
        await writer.reached(2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert writer.in_flight == 0
    assert len(asyncio.all_tasks()) == 1
    assert len([event for event in events if isinstance(event, DelegationFailed)]) == 2


async def test_when_the_task_is_done_anew_what_co_workers_finished_is_not() -> None:
    asked = calls(work("Writer", "Write"), work("Reader", "Read"))
    model = ScriptedModel(asked, "", asked, "done")
    writer, reader = ScriptedModel("a draft"), ScriptedModel(Reply("", refusal="not now"), "read")
    with recording() as events:
        output = await kickoff(
            lead(model, max_iter=1), agent_with(writer, role="Writer"), agent_with(reader, role="Reader")
        )
    assert output.raw == "done"
    assert len(writer.requests) == 1
    assert results(model.requests[3]) == ["a draft", "read"]
    reused = [event.reused for event in events if isinstance(event, ToolUsageFinished)]
    assert sorted(reused) == [False, False, True]


# Replays, and many at once


def busy_crew(name: str) -> Crew:
    def leading(request: Request) -> Reply | str:
        got = results(request)
        return calls(*(work("Writer", f"{name} part {n}") for n in range(3))) if not got else " ".join(got)

    def writing(request: Request) -> Reply | str:
        got = results(request)
        asked = (ASK, {"coworker": "Reader", "question": f"{given(request)}?"})
        return got[0].upper() if got else calls(asked)

    writer = lead(ScriptedModel(by=writing), role="Writer")
    reader = agent_with(ScriptedModel(by=given), role="Reader")
    return crew_of(lead(ScriptedModel(by=leading)), writer, reader)


async def carry_out(crew: Crew, steps: RecordingSteps) -> str:
    token = active_runtime.set(replace(local_runtime(), steps=steps))
    try:
        return (await crew.kickoff_async()).raw
    finally:
        active_runtime.reset(token)


async def test_chains_are_replayed_with_completions_in_another_order() -> None:
    for seed in range(5):
        first = RecordingSteps(order=random.Random(seed))
        output = await carry_out(busy_crew("Bee"), first)
        assert output == "BEE PART 0? BEE PART 1? BEE PART 2?"
        again = RecordingSteps(first.recorded, order=random.Random(seed + 100))
        assert await carry_out(busy_crew("Bee"), again) == output
        assert sorted(again.paths) == sorted(first.paths)
    assert "run/task-0/turn-0/tool-2/coworker/turn-0/tool-0/coworker/turn-0/model" in first.paths


async def test_many_runs_of_one_crew_at_once_do_not_cross() -> None:
    def leading(request: Request) -> Reply | str:
        topic = given(request).split()[-1]
        got = results(request)
        return got[0] if got else calls(work("Writer", f"Write on {topic}"))

    writer = ScriptedModel(by=lambda request: given(request).split()[-1])
    crew = crew_of(lead(ScriptedModel(by=leading)), agent_with(writer, role="Writer"))
    outputs = await asyncio.gather(*(crew.kickoff_async({"topic": f"t{n}"}) for n in range(100)))
    assert [output.raw for output in outputs] == [f"t{n}" for n in range(100)]
    assert {output.token_usage.successful_requests for output in outputs} == {3}


# The tools by themselves


async def test_the_two_tools_work_outside_of_a_run() -> None:
    writer = ScriptedModel("a draft", "an answer")
    delegate, ask = AgentTools(agents=[agent_with(writer, role="Writer")]).tools()
    assert (delegate.name, ask.name) == ("Delegate work to coworker", "Ask question to coworker")
    assert await delegate.arun(coworker="writer", task="Write", context="on bees") == "a draft"
    assert await ask.arun(coworker="writer", question="Why?", context="") == "an answer"
    assert "no co-worker 'Baker'" in await ask.arun(coworker="Baker", question="Why?", context="")


async def test_agents_that_were_given_each_others_tools_come_to_an_end_too() -> None:
    def passing_on(other: str) -> Any:
        return lambda request: "done" if not request.tools or results(request) else calls(work(other, "You do it"))

    ann = agent_with(ScriptedModel(by=passing_on("Bob")), role="Ann")
    bob = agent_with(ScriptedModel(by=passing_on("Ann")), role="Bob")
    ann.tools = bob.tools = AgentTools(agents=[ann, bob]).tools()
    assert (await kickoff(ann, bob)).raw == "done"


@pytest.mark.parametrize("spelled", ["coworker", "co_worker", "co-worker"])
async def test_a_coworker_is_found_however_a_model_spells_the_argument(spelled):
    model = ScriptedModel(calls(("Ask question to coworker", {spelled: "Other", "question": "?"})), "42", "so it is 42")
    agents = [agent_with(model, role="One", allow_delegation=True), agent_with(model, role="Other")]
    crew = Crew(agents=agents, tasks=[task_for(agents[0], "Do it")])
    assert (await crew.kickoff_async()).raw == "so it is 42"
    assert prompt(model.requests[1]).startswith("Your task: ?")
