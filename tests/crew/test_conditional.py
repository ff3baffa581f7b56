"""Conditional tasks: done where the output before them asks for it, right in any place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel

from aiocrew.aio.runtime import local_runtime
from aiocrew.crew.conditional import ConditionalTask
from aiocrew.crew.crew import Crew
from aiocrew.crew.task import Task
from aiocrew.errors import BlueprintError, CallbackError
from aiocrew.types.context import active_runtime
from aiocrew.types.outputs import OutputFormat, TaskOutput
from tests.crew.scenes import agent_with, task_for
from tests.doubles import ScriptedModel, prompt


class Score(BaseModel):
    score: int


class Done:
    """A model that says of each task that it was done."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def reply(self, request: Any) -> Any:
        self.asked.append(prompt(request))
        name = prompt(request).removeprefix("Your task: ").partition("\n")[0]
        return await ScriptedModel(f"<{name}>").reply(request)


def only_if(held: Any, agent: Any, description: str, **fields: Any) -> ConditionalTask:
    condition = held if callable(held) else lambda _: held
    return ConditionalTask(
        description=description, expected_output="An answer", agent=agent, condition=condition, **fields
    )


def crew_of(*tasks: Task, **fields: Any) -> Crew:
    return Crew(agents=[tasks[0].agent], tasks=list(tasks), **fields)


@pytest.mark.parametrize("place", [1, 2, 3])
@pytest.mark.parametrize("held", [True, False])
async def test_a_conditional_task_is_right_in_any_place(place, held):
    agent = agent_with(Done())
    tasks = [task_for(agent, f"T{number}") for number in range(4)]
    tasks[place] = only_if(held, agent, f"T{place}")
    output = await crew_of(*tasks).kickoff_async()
    expected = [f"<T{number}>" for number in range(4)]
    if not held:
        expected[place] = ""
    assert [task.raw for task in output.tasks_output] == expected
    assert output.raw == next(raw for raw in reversed(expected) if raw)


async def test_a_task_that_was_skipped_has_an_empty_output_under_its_own_name():
    agent = agent_with(Done(), role="{topic} expert")
    skipped = only_if(False, agent, "Look at {topic}", name="look")
    output = await crew_of(task_for(agent, "T0"), skipped).kickoff_async({"topic": "bees"})
    left = output.tasks_output[1]
    assert (left.raw, left.pydantic, left.json_dict) == ("", None, None)
    assert (left.name, left.description, left.agent) == ("look", "Look at bees", "bees expert")
    assert skipped.output is left


async def test_a_task_that_was_skipped_is_no_context_of_those_that_follow():
    model = Done()
    agent = agent_with(model)
    skipped = only_if(False, agent, "T1")
    named = task_for(agent, "T3", context=[skipped])
    await crew_of(task_for(agent, "T0"), skipped, task_for(agent, "T2"), named).kickoff_async()
    assert "What is known so far:\n<T0>\n" in model.asked[1]
    assert "earlier tasks" not in model.asked[2]


async def test_a_condition_is_asked_with_the_nearest_output_before_it_that_there_is():
    seen: list[str] = []

    def held(output: TaskOutput) -> bool:
        seen.append(output.raw)
        return output.raw == "<T3>"

    agent = agent_with(Done())
    tasks = [task_for(agent, "T0"), only_if(held, agent, "T1"), only_if(held, agent, "T2"), task_for(agent, "T3")]
    output = await crew_of(*tasks, only_if(held, agent, "T4")).kickoff_async()
    assert seen == ["<T0>", "<T0>", "<T3>"]
    assert output.raw == "<T4>"


async def test_a_condition_waits_for_async_tasks_before_it_and_hears_of_the_nearest():
    seen: list[str] = []
    slow, fast = agent_with(ScriptedModel("slow", delay_s=0.01)), agent_with(ScriptedModel("fast", "sync"))
    tasks = [task_for(fast, "T0"), task_for(slow, "T1", async_execution=True)]
    asking = only_if(lambda output: seen.append(output.raw) or False, fast, "T2")
    output = await crew_of(*tasks, asking).kickoff_async()
    assert seen == ["slow"]
    assert (output.raw, [task.raw for task in output.tasks_output]) == ("slow", ["fast", "slow", ""])


async def test_a_condition_may_be_async():
    async def never(output: TaskOutput) -> bool:
        return False

    agent = agent_with(Done())
    output = await crew_of(task_for(agent, "T0"), only_if(never, agent, "T1"), task_for(agent, "T2")).kickoff_async()
    assert [task.raw for task in output.tasks_output] == ["<T0>", "", "<T2>"]


def test_a_conditional_task_needs_its_condition():
    agent = agent_with(Done())
    forgotten = ConditionalTask(description="T1", expected_output="x", agent=agent)
    with pytest.raises(ValueError, match=r"task 'T1' is conditional and has no condition: give it condition="):
        crew_of(task_for(agent, "T0"), forgotten)
    with pytest.raises(BlueprintError, match=r"task 'T1' is conditional and has no condition"):
        forgotten.should_execute(TaskOutput(description="T0", agent="Analyst"))


async def test_where_all_that_follows_is_skipped_the_first_output_is_the_crews():
    agent = agent_with(ScriptedModel('{"score": 3}'))
    first = task_for(agent, "T0", output_json=Score)
    output = await crew_of(first, *[only_if(False, agent, f"T{n}") for n in (1, 2)]).kickoff_async()
    assert output.raw == '{"score": 3}'
    assert (output.json, output["score"]) == ('{"score": 3}', 3)
    formats = [task.output_format for task in output.tasks_output]
    assert formats == [OutputFormat.JSON, OutputFormat.RAW, OutputFormat.RAW]


async def test_callbacks_and_files_of_a_task_that_was_skipped_are_left_alone(tmp_path):
    heard: list[str] = []
    agent = agent_with(Done())
    skipped = only_if(False, agent, "T1", output_file=str(tmp_path / "x.md"))
    await crew_of(task_for(agent, "T0"), skipped, task_callback=lambda output: heard.append(output.raw)).kickoff_async()
    assert heard == ["<T0>"]
    assert list(tmp_path.iterdir()) == []


async def test_a_condition_that_raises_fails_its_task_and_is_named():
    agent = agent_with(Done())

    def check(output: TaskOutput) -> bool:
        raise KeyError("score")

    with pytest.raises(CallbackError, match=r"condition .*check raised KeyError\('score'\).*task 'T1'"):
        await crew_of(task_for(agent, "T0"), only_if(check, agent, "T1")).kickoff_async()


def test_a_conditional_task_cannot_stand_first():
    agent = agent_with(Done())
    with pytest.raises(ValueError, match="'T0' is conditional and stands first"):
        crew_of(only_if(True, agent, "T0"), task_for(agent, "T1"))


def test_a_conditional_task_cannot_be_async():
    agent = agent_with(Done())
    with pytest.raises(ValueError, match="'T1' is conditional, so it cannot have async_execution"):
        crew_of(task_for(agent, "T0"), only_if(True, agent, "T1", async_execution=True))


async def test_a_condition_is_not_asked_again_when_the_run_is_resumed(tmp_path):
    asked: list[str] = []

    def held(output: TaskOutput) -> bool:
        asked.append(output.raw)
        return False

    agent = agent_with(ScriptedModel("facts", ValueError("down"), "text"))
    crew = crew_of(task_for(agent, "T0"), only_if(held, agent, "T1"), task_for(agent, "T2"))
    journal = tmp_path / "batch.sqlite"
    assert not (await crew.kickoff_for_each_async([{}], journal=journal))[0].ok
    outcome = (await crew.kickoff_for_each_async([{}], journal=journal, retry_failed=True))[0]
    assert [task.raw for task in outcome.tasks_output] == ["facts", "", "text"]
    assert asked == ["facts"]


def test_should_execute_asks_outside_of_a_run():
    async def long(output: TaskOutput) -> bool:
        return len(output.raw) > 3

    agent = agent_with(Done())
    for condition in (long, lambda output: len(output.raw) > 3):
        task = only_if(condition, agent, "T")
        answers = [task.should_execute(TaskOutput(description="d", agent="a", raw=raw)) for raw in ("long text", "no")]
        assert answers == [True, False]


class Events:
    def __init__(self) -> None:
        self.seen: list[str] = []

    def emit(self, event: Any) -> None:
        self.seen.append(type(event).__name__)


async def test_events_tell_of_what_was_skipped():
    events, agent = Events(), agent_with(Done())
    token = active_runtime.set(replace(local_runtime(), sinks=(events,)))
    try:
        await crew_of(task_for(agent, "T0"), only_if(False, agent, "T1")).kickoff_async()
    finally:
        active_runtime.reset(token)
    of_tasks = [name for name in events.seen if name.startswith("Task")]
    assert of_tasks == ["TaskStarted", "TaskCompleted", "TaskStarted", "TaskSkipped"]
