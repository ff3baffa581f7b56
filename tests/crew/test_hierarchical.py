"""Hierarchical crews: a manager has the agents do the work, and nothing crosses between runs."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel

from aiocrew.aio.runtime import local_runtime
from aiocrew.crew.crew import Crew
from aiocrew.crew.process import Process
from aiocrew.crew.task import Task
from aiocrew.errors import BadRequestError, BlueprintError
from aiocrew.tools.decorator import tool
from aiocrew.types.blueprint import AiocrewWarning
from aiocrew.types.context import active_runtime
from aiocrew.types.events import DelegationCompleted, ToolUsageFinished
from aiocrew.types.messages import Reply, Request, System, ToolResult
from aiocrew.types.outputs import CrewOutput
from aiocrew.types.usage import Usage
from tests.crew.scenes import agent_with, task_for
from tests.doubles import RecordingSteps, ScriptedModel, calls, prompt

DELEGATE, ASK = "delegate_work_to_coworker", "ask_question_to_coworker"


def delegation(to: str, task: str, context: str = "") -> tuple[str, dict[str, Any]]:
    return DELEGATE, {"coworker": to, "task": task, "context": context}


def led(manager: Any, *agents: Any, tasks: list[Task] | None = None, **fields: Any) -> Crew:
    tasks = [Task(description="Work on {topic}", expected_output="x")] if tasks is None else tasks
    who = {"manager_llm": manager} if hasattr(manager, "reply") else {"manager_agent": manager}
    return Crew(agents=list(agents), tasks=tasks, process=Process.hierarchical, **who, **fields)


def tool_names(request: Request) -> list[str]:
    return [spec.name for spec in request.tools]


# Who does what


async def test_the_manager_hands_work_on_and_answers_with_what_came_of_it():
    manager = ScriptedModel(calls(delegation("Writer", "Write", "on bees")), "the text")
    writer, other = ScriptedModel("a draft"), ScriptedModel()
    crew = led(manager, agent_with(writer, role="Writer"), agent_with(other, role="Reader"))
    output = await crew.kickoff_async({"topic": "bees"})
    assert (output.raw, output.tasks_output[0].agent) == ("the text", "Crew Manager")
    assert "Your task: Write\n" in prompt(writer.requests[0])
    assert "on bees" in prompt(writer.requests[0])
    assert manager.requests[1].messages[-1].text == "a draft"
    assert output.token_usage.successful_requests == 3
    assert other.requests == []


async def test_delegations_of_one_turn_run_at_once():
    manager = ScriptedModel(calls(*[delegation("Writer", f"Part {n}") for n in range(5)]), "whole")
    writer = ScriptedModel(by=lambda _: "part", delay_s=0.01)
    await led(manager, agent_with(writer, role="Writer")).kickoff_async({"topic": "bees"})
    assert writer.peak == 5


async def test_a_task_with_an_agent_is_handed_to_that_one_only():
    manager = ScriptedModel(calls(delegation("Reader", "Read")), "done")
    writer, reader = agent_with(ScriptedModel(), role="Writer"), agent_with(ScriptedModel(), role="Reader")
    await led(manager, writer, reader, tasks=[task_for(writer)]).kickoff_async({"topic": "bees"})
    assert "Writer" in manager.requests[0].tools[0].description
    assert "Reader" not in manager.requests[0].tools[0].description
    assert manager.requests[1].messages[-1].text.startswith("There is no co-worker 'Reader'")


async def test_that_agent_may_hand_nothing_on_even_if_it_delegates():
    manager = ScriptedModel(calls(delegation("Writer", "Write")), "done")
    model = ScriptedModel("text")
    writer, reader = agent_with(model, role="Writer", allow_delegation=True), agent_with(ScriptedModel(), role="Reader")
    await led(manager, writer, reader, tasks=[task_for(writer)]).kickoff_async({"topic": "bees"})
    assert tool_names(model.requests[0]) == []


async def test_a_task_without_an_agent_may_be_handed_to_any():
    manager = ScriptedModel("done")
    agents = [agent_with(ScriptedModel(), role=role) for role in ("Writer", "Reader")]
    await led(manager, *agents).kickoff_async({"topic": "bees"})
    assert tool_names(manager.requests[0]) == [DELEGATE, ASK]
    assert all("Writer; Reader" in spec.description for spec in manager.requests[0].tools)


async def test_a_tasks_tools_are_the_managers_and_an_agents_tools_its_own():
    @tool
    def look(word: str) -> str:
        """Look a word up."""
        return f"found {word}"

    @tool
    def count(text: str) -> str:
        """Count the letters."""
        return str(len(text))

    manager = ScriptedModel(calls(("look", {"word": "bee"}), delegation("Writer", "Write")), "done")
    model = ScriptedModel(calls(("count", {"text": "bee"})), "3 letters")
    writer = agent_with(model, role="Writer", tools=[count])
    await led(manager, writer, tasks=[task_for(writer, tools=[look])]).kickoff_async({"topic": "bees"})
    assert tool_names(manager.requests[0]) == ["look", DELEGATE, ASK]
    assert [message.text for message in manager.requests[1].messages[-2:]] == ["found bee", "3 letters"]
    assert tool_names(model.requests[0]) == ["count"]


async def test_a_manager_agent_leads_as_it_is_written_and_what_it_did_is_published():
    model = ScriptedModel(calls(delegation("writer", "Write")), "done")
    manager = agent_with(model, role="Head of {topic}", backstory="Stern.")
    crew = led(manager, agent_with(ScriptedModel("text"), role="Writer"))
    output = await crew.kickoff_async({"topic": "bees"})
    assert output.tasks_output[0].agent == "Head of bees"
    assert model.requests[0].messages[0] == System("You are Head of bees.\nStern.\n\nYour goal: Find out")
    assert [result["result"] for result in manager.tools_results] == ["text"]
    assert crew.tasks[0].output is output.tasks_output[0]
    assert (manager.role, manager.tools) == ("Head of {topic}", []), "a run changes no blueprint"


async def test_async_tasks_go_on_side_by_side_and_are_joined():
    manager = ScriptedModel(by=lambda request: f"<{prompt(request).splitlines()[0]}>", delay_s=0.01)
    parts = [Task(description=f"Part {n}", expected_output="x", async_execution=True) for n in range(3)]
    whole = Task(description="Whole", expected_output="x")
    output = await led(manager, agent_with(ScriptedModel()), tasks=[*parts, whole]).kickoff_async()
    assert manager.peak == 3
    assert "<Your task: Part 2>" in prompt(manager.requests[3])
    assert output.raw == "<Your task: Whole>"


async def test_a_process_that_is_set_later_as_a_text_counts():
    agent = agent_with(ScriptedModel())
    crew = Crew(agents=[agent], tasks=[task_for(agent)], manager_llm=ScriptedModel("led"))
    crew.process = "hierarchical"
    assert (await crew.kickoff_async({"topic": "bees"})).tasks_output[0].agent == "Crew Manager"


async def test_callbacks_hear_of_the_managers_outputs():
    heard: list[str] = []
    crew = led(
        ScriptedModel("done"),
        agent_with(ScriptedModel()),
        task_callback=lambda output: heard.append(output.agent),
        step_callback=lambda step: heard.append(type(step).__name__),
    )
    await crew.kickoff_async({"topic": "bees"})
    assert heard == ["AgentFinish", "Crew Manager"]


async def test_a_coworker_that_fails_by_itself_is_told_to_the_manager_who_goes_on():
    manager = ScriptedModel(calls(delegation("Writer", "Write")), "done without")
    writer = agent_with(ScriptedModel(by=lambda _: ""), role="Writer", max_retry_limit=0)
    output = await led(manager, writer).kickoff_async({"topic": "bees"})
    assert output.raw == "done without"
    assert manager.requests[1].messages[-1].text.startswith("Writer could not do it: ")


async def test_a_coworker_whose_provider_fails_fails_the_run_with_its_place():
    manager = ScriptedModel(calls(delegation("Writer", "Write")))
    crew = led(manager, agent_with(ScriptedModel(BadRequestError("no such model")), role="Writer"), name="press")
    with pytest.raises(BadRequestError, match=r"no such model \(in crew 'press', task 'Work on {topic}'"):
        await crew.kickoff_async({"topic": "bees"})


# What cannot be


def test_a_hierarchical_crew_needs_a_manager():
    with pytest.raises(ValueError, match="needs a manager: give it manager_llm"):
        Crew(agents=[agent_with(ScriptedModel())], tasks=[], process="hierarchical")


def test_a_manager_agent_stands_beside_the_agents():
    manager = agent_with(ScriptedModel(), role="Boss")
    with pytest.raises(ValueError, match="manager_agent 'Boss' must not stand in agents"):
        led(manager, manager)


async def test_a_manager_agent_has_no_tools():
    crew = led(agent_with(ScriptedModel(), role="Boss", tools=[look]), agent_with(ScriptedModel()))
    with pytest.raises(BlueprintError, match="manager_agent 'Boss' must have no tools"):
        await crew.kickoff_async({"topic": "bees"})


# Nothing crosses


class Facts(BaseModel):
    mark: str
    found: list[str]


@tool
async def look(mark: str) -> str:
    """Look a mark up."""
    await asyncio.sleep(0)
    return f"fact<{mark}>"


def mark_of(request: Request) -> str:
    return prompt(request).partition("mark<")[2].partition(">")[0]


class Thinking:
    """Answers out of what it was told only, after a random number of turns of the loop."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    async def reply(self, request: Request) -> Reply:
        for _ in range(self._chance.randrange(4)):
            await asyncio.sleep(0)
        mark = mark_of(request)
        assert str(request.messages).count("mark<") == str(request.messages).count(f"mark<{mark}>")
        return replace_usage(self.say(mark, request), int(mark))

    def say(self, mark: str, request: Request) -> Reply:
        told = [message.text for message in request.messages if isinstance(message, ToolResult)]
        return Reply(f"<{mark}: {told}>") if told else calls(("look", {"mark": mark}))


class Managing(Thinking):
    def say(self, mark: str, request: Request) -> Reply:
        told = [message.text for message in request.messages if isinstance(message, ToolResult)]
        if not told:
            return calls(*[delegation(role, f"Find mark<{mark}>") for role in ("Reader", "Writer")])
        assert all(f"fact<{mark}>" in text for text in told), told
        if request.answer is None:
            return Reply(f"mark<{mark}> has {len(told)}")
        return Reply(Facts(mark=mark, found=told).model_dump_json())


def replace_usage(reply: Reply, tokens: int) -> Reply:
    return Reply(reply.text, reply.calls, Usage(tokens, 1), reply.finish_reason)


def newsroom(seed: int, **fields: Any) -> Crew:
    """A crew of two tasks: 2 x (2 turns of the manager, 2 co-workers with 2 turns each) are 12 calls."""
    agents = [agent_with(Thinking(seed + n), role=role, tools=[look]) for n, role in enumerate(("Reader", "Writer"))]
    tasks = [
        Task(description="Collect mark<{mark}>", expected_output="x"),
        Task(description="Sum mark<{mark}> up", expected_output="x", output_pydantic=Facts),
    ]
    return led(agent_with(Managing(seed), role="Head of {mark}"), *agents, tasks=tasks, **fields)


def check(mark: int, output: CrewOutput) -> None:
    facts = [f"<{mark}: ['fact<{mark}>']>"] * 2
    assert output.pydantic == Facts(mark=str(mark), found=facts)
    assert [task.raw for task in output.tasks_output] == [f"mark<{mark}> has 2", output.raw]
    assert [task.agent for task in output.tasks_output] == [f"Head of {mark}"] * 2
    assert (output.token_usage.successful_requests, output.token_usage.prompt_tokens) == (12, 12 * mark)


class ByRun:
    """Which marks the events of each run tell of."""

    def __init__(self) -> None:
        self.marks: dict[str, Counter[str]] = {}

    def emit(self, event: Any) -> None:
        if isinstance(event, ToolUsageFinished | DelegationCompleted):
            text = event.output if isinstance(event, DelegationCompleted) else event.result
            mark = text.partition("fact<")[2].partition(">")[0]
            self.marks.setdefault(event.run_id, Counter())[mark] += 1


@pytest.mark.parametrize("seed", range(3))
async def test_in_a_hundred_kickoffs_of_one_crew_at_once_nothing_crosses(seed):
    heard: list[tuple[str, str]] = []

    async def callback(output: Any) -> None:
        heard.append((output.description, output.raw))

    events, crew = ByRun(), newsroom(seed, task_callback=callback, cache=True)
    token = active_runtime.set(replace(local_runtime(), sinks=(events,)))
    try:
        outputs = await asyncio.gather(*[crew.kickoff_async({"mark": mark}) for mark in range(1, 101)])
    finally:
        active_runtime.reset(token)
    for mark, output in enumerate(outputs, 1):
        check(mark, output)
        assert (f"Collect mark<{mark}>", output.tasks_output[0].raw) in heard
    assert sorted(map(len, events.marks.values())) == [1] * 100
    assert len(heard) == 200
    # What is published is of one of the runs as a whole, the last to end.
    published = {result["result"].partition(":")[0] for result in crew.manager_agent.tools_results}
    last = crew.tasks[0].output.raw.partition("<")[2].partition(">")[0]
    assert published == {f"<{last}"}
    assert crew.usage_metrics.prompt_tokens == 12 * int(last)


async def carry_out(crew: Crew, steps: RecordingSteps) -> CrewOutput:
    token = active_runtime.set(replace(local_runtime(), steps=steps))
    try:
        return await crew.kickoff_async({"mark": 7})
    finally:
        active_runtime.reset(token)


def test_a_recorded_run_replays_with_completions_in_any_other_order():
    first = RecordingSteps(order=random.Random(0))
    output = asyncio.run(carry_out(newsroom(0), first))
    check(7, output)
    for seed in range(1, 101):
        again = RecordingSteps(first.recorded, order=random.Random(seed))
        replayed = asyncio.run(carry_out(newsroom(seed), again))
        assert replayed.tasks_output == output.tasks_output
        assert sorted(again.paths) == sorted(first.paths)


def test_a_run_recorded_in_any_order_has_the_same_paths():
    paths = set()
    for seed in range(20):
        steps = RecordingSteps(order=random.Random(seed))
        check(7, asyncio.run(carry_out(newsroom(seed), steps)))
        paths.add(tuple(sorted(steps.paths)))
    assert len(paths) == 1


# A journal


async def test_a_batch_that_is_resumed_has_equal_instances(tmp_path):
    crew, batch = newsroom(0), [{"mark": mark} for mark in range(1, 21)]
    before = await crew.kickoff_for_each_async(batch, journal=tmp_path / "b.sqlite")
    after = await newsroom(1).kickoff_for_each_async(batch, journal=tmp_path / "b.sqlite")
    for mark, (one, other) in enumerate(zip(before, after, strict=True), 1):
        check(mark, other)
        assert one.tasks_output == other.tasks_output
        assert isinstance(other.pydantic, Facts)
        assert other.pydantic is other.tasks_output[1].pydantic


async def test_a_delegation_that_was_cut_off_goes_on_where_it_stood(tmp_path):
    manager = ScriptedModel(by=lambda request: "done" if len(request.messages) > 2 else calls(*both))
    both = [delegation("Writer", "Write"), delegation("Reader", "Read")]
    writer, reader = ScriptedModel("text"), ScriptedModel(BadRequestError("down"), "read")
    crew = led(manager, agent_with(writer, role="Writer"), agent_with(reader, role="Reader"))
    journal, batch = tmp_path / "b.sqlite", [{"topic": "bees"}]
    assert not (await crew.kickoff_for_each_async(batch, journal=journal))[0].ok
    outcome = (await crew.kickoff_for_each_async(batch, journal=journal, retry_failed=True))[0]
    assert outcome.raw == "done"
    assert [len(model.requests) for model in (manager, writer, reader)] == [2, 1, 2]


def test_a_manager_that_nobody_needs_is_told_of():
    agent = agent_with(ScriptedModel("done"))
    crew = Crew(agents=[agent], tasks=[task_for(agent, "Do it")], manager_llm=ScriptedModel())
    with pytest.warns(AiocrewWarning, match=r"crew 'crew' has a manager, and no use for it"):
        assert crew.kickoff().raw == "done"
