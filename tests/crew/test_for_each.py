"""Many inputs: each on its own."""

from __future__ import annotations

import asyncio

import pytest

from aiocrew.crew.crew import Crew
from aiocrew.errors import BadRequestError, BatchError, BlueprintError, MissingInputError, NotStartedError
from aiocrew.types.outputs import CrewOutput, FailedRun, Outcomes
from tests.crew.scenes import agent_with, meeting, one_task_crew, task_for
from tests.doubles import ScriptedModel, on_virtual_time, prompt


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
    model = meeting(50, lambda _: "ok")
    await one_task_crew(model).kickoff_for_each_async([{"topic": n} for n in range(50)])
    assert model.peak == 50


def test_the_synchronous_form_is_concurrent_too():
    model = meeting(10, lambda _: "ok")
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


async def stream_of(inputs):
    for item in inputs:
        await asyncio.sleep(0)
        yield item


class Countdown:
    """A model whose later calls end first."""

    def __init__(self, calls):
        self.left = calls

    async def reply(self, request):
        self.left -= 1
        await asyncio.sleep(self.left)
        return await ScriptedModel(by=poisoned).reply(request)


@pytest.mark.parametrize("form", [list, iter, stream_of])
def test_outcomes_stand_in_the_order_of_the_inputs_whatever_ended_first(form):
    inputs = [{"topic": n} for n in range(6)]
    outcomes = on_virtual_time(lambda: one_task_crew(Countdown(6)).kickoff_for_each_async(form(inputs)))
    assert isinstance(outcomes, Outcomes)
    assert [outcome.index for outcome in outcomes] == list(range(6))
    assert [outcome.inputs for outcome in outcomes] == inputs


def test_no_more_inputs_are_under_way_than_the_synchronous_form_was_told():
    model = ScriptedModel(by=lambda _: "ok", delay_s=0.001)
    outcomes = one_task_crew(model).kickoff_for_each(({"topic": n} for n in range(10)), max_concurrency=2)
    assert len(outcomes.succeeded) == 10
    assert model.peak == 2


async def test_on_error_raise_gives_the_failure_instead_of_outcomes():
    crew = one_task_crew(ScriptedModel(by=poisoned))
    with pytest.raises(BatchError, match="input 1 failed") as caught:
        await crew.kickoff_for_each_async([{"topic": "a"}, {"topic": "poison"}], on_error="raise")
    assert [failure.index for failure in caught.value.failures] == [1]
    assert isinstance(caught.value.__cause__, BadRequestError)


def test_after_too_many_failures_each_input_of_a_list_still_has_its_place():
    inputs = [{"topic": "poison"}, {"topic": "a"}, {"topic": "b"}, {"topic": "c"}]
    outcomes = on_virtual_time(
        lambda: one_task_crew(Countdown(4)).kickoff_for_each_async(inputs, max_failures=0, max_concurrency=1)
    )
    assert [outcome.status for outcome in outcomes] == ["failed", "skipped", "skipped", "skipped"]
    assert [outcome.index for outcome in outcomes] == [0, 1, 2, 3]
    assert all(isinstance(outcome.error, NotStartedError) for outcome in outcomes[1:])


def test_after_too_many_failures_a_stream_has_the_outcomes_of_what_was_begun():
    inputs = ({"topic": "poison"} for _ in range(100))
    outcomes = on_virtual_time(
        lambda: one_task_crew(Countdown(100)).kickoff_for_each_async(inputs, max_failures=1, max_concurrency=1)
    )
    assert [outcome.status for outcome in outcomes] == ["failed", "failed"]


def test_the_cost_of_a_batch_is_the_sum_of_its_inputs():
    costs = [CrewOutput().costed(lambda: 0.25), FailedRun(error=KeyError(), status="failed", costing=lambda: 0.5)]
    assert Outcomes(costs).cost_usd == 0.75
    assert Outcomes().cost_usd == 0


async def test_the_cost_of_a_batch_is_not_known_where_that_of_one_input_is_not():
    free = await one_task_crew("offline/0s").kickoff_for_each_async([{"topic": "a"}])
    unknown = await one_task_crew(ScriptedModel(by=poisoned)).kickoff_for_each_async([{"topic": "a"}])
    assert (free.cost_usd, unknown.cost_usd) == (0, None)
    assert Outcomes([*free, *unknown]).cost_usd is None


def test_the_same_call_with_the_same_journal_does_only_what_is_missing(tmp_path):
    model = ScriptedModel(by=poisoned)
    crew, journal = one_task_crew(model), tmp_path / "batch.sqlite"
    first = crew.kickoff_for_each([{"topic": "a"}, {"topic": "poison"}], journal=journal)
    second = crew.kickoff_for_each([{"topic": "poison"}, {"topic": "b"}, {"topic": "a"}], journal=str(journal))
    assert len(model.requests) == 3
    assert [outcome.status for outcome in second] == ["failed", "ok", "ok"]
    assert second[2].raw == first[0].raw
    assert isinstance(second[0].error, BadRequestError)
    assert str(second[0].error) == str(first[1].error)
    third = crew.kickoff_for_each([{"topic": "a"}, {"topic": "poison"}], journal=journal, retry_failed=True)
    assert len(model.requests) == 4
    assert [outcome.attempts for outcome in third] == [1, 2]
