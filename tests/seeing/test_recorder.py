"""A run reports everything, in order, under its own id."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from aiocrew.errors import BadRequestError
from aiocrew.flow import Flow, start
from aiocrew.seeing.recorder import Recorder, reading, recording
from aiocrew.types import events as kinds
from tests.crew.scenes import one_task_crew
from tests.doubles import ScriptedModel


async def test_the_events_of_a_run():
    with recording() as events:
        output = await one_task_crew(ScriptedModel("ok"), task_callback=lambda _: None).kickoff_async()
    assert output.raw == "ok"
    assert [(type(event).__name__, event.path) for event in events] == [
        ("CrewKickoffStarted", "run"),
        ("TaskStarted", "run/task-0"),
        ("AgentExecutionStarted", "run/task-0"),
        ("AgentTurnStarted", "run/task-0/turn-0"),
        ("LLMCallStarted", "run/task-0/turn-0/model"),
        ("LLMCallSent", "run/task-0/turn-0/model"),
        ("LLMCallCompleted", "run/task-0/turn-0/model"),
        ("AgentTurnCompleted", "run/task-0/turn-0"),
        ("AgentExecutionCompleted", "run/task-0"),
        ("CallbackStarted", "run/task-0/callback"),
        ("CallbackCompleted", "run/task-0/callback"),
        ("TaskCompleted", "run/task-0"),
        ("CrewKickoffCompleted", "run"),
    ]
    assert len({event.run_id for event in events}) == 1
    assert [event.at_s for event in events] == sorted(event.at_s for event in events)


async def test_a_failure_is_reported_at_every_level_and_a_cancel_as_such():
    with recording() as events, pytest.raises(BadRequestError):
        await one_task_crew(ScriptedModel(BadRequestError("no"))).kickoff_async()
    assert [type(event).__name__ for event in events][-4:] == [
        "LLMCallFailed",
        "AgentExecutionError",
        "TaskFailed",
        "CrewKickoffFailed",
    ]
    model = ScriptedModel("late", delay_s=100)
    with recording() as events:
        task = asyncio.ensure_future(one_task_crew(model).kickoff_async())
        await model.reached(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert isinstance(events[-1], kinds.CrewKickoffFailed)
    assert events[-1].cancelled


async def test_runs_at_once_keep_their_ids_apart():
    with recording() as events:
        await one_task_crew(ScriptedModel(by=lambda _: "ok")).kickoff_for_each_async([{"topic": n} for n in range(5)])
    assert len({event.run_id for event in events}) == 5


async def test_every_event_has_the_wall_time_of_its_moment():
    began_s = time.time()
    with recording() as events:
        await one_task_crew(ScriptedModel("ok")).kickoff_async()
    ended_s = time.time()
    assert all(began_s - 0.01 <= event.wall_s <= ended_s + 0.01 for event in events)
    assert len({round(event.wall_s - event.at_s, 6) for event in events}) == 1


async def test_a_reader_of_everything_sees_what_other_threads_and_contexts_start_and_only_meanwhile():
    crew, reader = one_task_crew(ScriptedModel(by=lambda _: "ok")), Recorder()
    with reading(reader, everywhere=True):
        thread = threading.Thread(target=crew.kickoff)
        thread.start()
        await asyncio.get_running_loop().run_in_executor(None, thread.join)
    await crew.kickoff_async()
    assert [type(event) for event in reader.events].count(kinds.CrewKickoffCompleted) == 1


async def test_a_reader_that_fails_is_left_out_and_harms_no_run():
    class Failing:
        def __init__(self) -> None:
            self.told = 0

        def emit(self, event: kinds.Event) -> None:
            self.told += 1
            raise RuntimeError("no")

    problems: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
    failing, after = Failing(), Recorder()
    with reading(failing), reading(after):
        output = await one_task_crew(ScriptedModel("ok")).kickoff_async()
    assert (output.raw, failing.told) == ("ok", 1)
    assert isinstance(after.events[-1], kinds.CrewKickoffCompleted)
    assert [str(problem["exception"]) for problem in problems] == ["no"]


async def test_a_block_in_a_flows_method_reads_the_runs_made_in_it_once():
    inside: list[list[str]] = []

    class Writing(Flow):
        @start()
        async def write(self) -> None:
            with recording() as events:
                await one_task_crew(ScriptedModel("ok")).kickoff_async()
            inside.append([type(event).__name__ for event in events])

    with recording() as events:
        await Writing().kickoff_async()
    assert [names.count("CrewKickoffStarted") for names in inside] == [1]
    assert [type(event) for event in events].count(kinds.CrewKickoffStarted) == 1
