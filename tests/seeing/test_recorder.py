"""A run reports everything, in order, under its own id."""

from __future__ import annotations

import asyncio

import pytest

from aiocrew.errors import BadRequestError
from aiocrew.seeing.recorder import recording
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
        ("LLMCallStarted", "run/task-0/turn-0/model"),
        ("LLMCallCompleted", "run/task-0/turn-0/model"),
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
    assert [type(event).__name__ for event in events][-3:] == ["LLMCallFailed", "TaskFailed", "CrewKickoffFailed"]
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
