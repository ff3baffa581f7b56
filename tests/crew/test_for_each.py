"""Many inputs: each on its own."""

from __future__ import annotations

import asyncio

import pytest

from aiocrew.crew.crew import Crew
from aiocrew.errors import BadRequestError, BatchError, BlueprintError, MissingInputError
from aiocrew.types.outputs import CrewOutput, FailedRun
from tests.crew.scenes import agent_with, one_task_crew, task_for
from tests.doubles import ScriptedModel, prompt


def poisoned(request):
    return BadRequestError("poison", model="m", status=400) if "poison" in prompt(request) else prompt(request)[:30]


async def test_one_bad_input_leaves_the_others_whole():
    crew = one_task_crew(ScriptedModel(by=poisoned))
    inputs = [{"topic": "a"}, {"topic": "poison"}, {"topic": "c"}]
    outcomes = await crew.kickoff_for_each_async(inputs=inputs)
    assert [outcome.status for outcome in outcomes] == ["ok", "failed", "ok"]
    assert [outcome.index for outcome in outcomes] == [0, 1, 2]
    assert [outcome.inputs for outcome in outcomes] == inputs
    assert isinstance(outcomes[0], CrewOutput)
    assert isinstance(outcomes[1], FailedRun)
    assert isinstance(outcomes[1].error, BadRequestError)
    with pytest.raises(BadRequestError):
        _ = outcomes[1].raw
    assert outcomes.succeeded == [outcomes[0], outcomes[2]]
    assert outcomes.failed == [outcomes[1]]
    assert outcomes.token_usage.total_tokens == 30
    assert [outcome.token_usage.total_tokens for outcome in outcomes] == [15, 0, 15]
    assert all(outcome.duration_s >= 0 for outcome in outcomes)
    with pytest.raises(BatchError, match="1 of 3 inputs failed; the first, input 1: poison") as caught:
        outcomes.raise_for_failures()
    assert caught.value.__cause__ is outcomes[1].error
    assert caught.value.failures == (outcomes[1],)


async def test_all_inputs_are_under_way_at_once():
    model = ScriptedModel(by=lambda _: "ok", delay_s=0.01)
    await one_task_crew(model).kickoff_for_each_async([{"topic": n} for n in range(50)])
    assert model.peak == 50


def test_the_synchronous_form_is_concurrent_too():
    model = ScriptedModel(by=lambda _: "ok", delay_s=0.01)
    outcomes = one_task_crew(model).kickoff_for_each([{"topic": n} for n in range(10)])
    assert len(outcomes.succeeded) == 10
    assert model.peak == 10


async def test_a_missing_variable_fails_its_input_only():
    outcomes = await one_task_crew(ScriptedModel("ok")).akickoff_for_each([{"topic": 1}, {"subject": 2}])
    assert [outcome.ok for outcome in outcomes] == [True, False]
    assert isinstance(outcomes[1].error, MissingInputError)


@pytest.mark.parametrize("inputs", [{"topic": "x"}, "x", None, [1]])
async def test_inputs_that_are_no_list_of_dicts_are_named(inputs):
    with pytest.raises(BlueprintError, match="must be a"):
        await one_task_crew(ScriptedModel()).kickoff_for_each_async(inputs)


async def test_no_inputs_give_no_outcomes():
    outcomes = await one_task_crew(ScriptedModel()).kickoff_for_each_async([])
    assert list(outcomes) == []
    outcomes.raise_for_failures()


async def test_cancelling_stops_every_input():
    model = ScriptedModel(by=lambda _: "ok", delay_s=100)
    task = asyncio.create_task(one_task_crew(model).kickoff_for_each_async([{"topic": n} for n in range(5)]))
    await asyncio.wait_for(model.reached(5), 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert model.in_flight == 0
    assert len(asyncio.all_tasks()) == 1


async def test_cancelling_before_any_began_is_silent():
    task = asyncio.create_task(one_task_crew(ScriptedModel()).kickoff_for_each_async([{"topic": 1}]))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_code_that_raises_cancelled_error_fails_its_input_only():
    class Stray:
        async def reply(self, request):
            raise asyncio.CancelledError

    outcomes = await one_task_crew(Stray()).kickoff_for_each_async([{"topic": 1}])
    assert [outcome.ok for outcome in outcomes] == [False]


async def test_two_inputs_that_name_one_file_fail_before_the_first_call(tmp_path):
    model = ScriptedModel()
    agent = agent_with(model)
    crew = Crew(agents=[agent], tasks=[task_for(agent, output_file=str(tmp_path / "{day}.md"))])
    with pytest.raises(BlueprintError, match="inputs 0 and 2 would both write"):
        await crew.kickoff_for_each_async([{"topic": n, "day": day} for n, day in enumerate(["mon", "tue", "mon"])])
    assert model.requests == []
