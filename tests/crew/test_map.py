"""Crew.map: any number of inputs, outcomes as they finish, a journal that knows what is done."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from typing import Any

import pytest

from aiocrew.crew.crew import Crew
from aiocrew.crew.fingerprint import digest_of
from aiocrew.errors import (
    AuthenticationError,
    BadRequestError,
    BatchError,
    BlueprintError,
    BudgetExceededError,
    JournalError,
    NotStartedError,
)
from aiocrew.models.llm import LLM
from aiocrew.tools.decorator import tool
from aiocrew.types.outputs import CrewOutput, FailedRun
from aiocrew.types.ports import Steps
from tests.batch.memory_journal import MemoryJournal
from tests.crew.scenes import agent_with, one_task_crew, task_for
from tests.doubles import ScriptedModel, on_virtual_time, prompt


def topics(*values: Any) -> list[dict[str, Any]]:
    return [{"topic": value} for value in values]


async def stream_of(inputs):
    for item in inputs:
        await asyncio.sleep(0)
        yield item


class Clocked:
    """A model that takes as many seconds as the task says, and fails where it says so."""

    def __init__(self):
        self.asked: list[str] = []
        self.in_flight = self.peak = 0

    async def reply(self, request):
        what = prompt(request).split("Work on ")[1].split("\n")[0].strip()
        self.asked.append(what)
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            await asyncio.sleep(float(what.split()[0]))
        finally:
            self.in_flight -= 1
        if "budget" in what:
            raise BudgetExceededError("nothing left")
        return await ScriptedModel(BadRequestError("poison", status=400) if "poison" in what else what).reply(request)


async def given(stream) -> list[tuple[int, str]]:
    async with stream as outcomes:
        return [(outcome.index, outcome.status) async for outcome in outcomes]


@pytest.mark.parametrize("form", [list, iter, stream_of])
def test_outcomes_come_as_they_finish_with_the_position_of_their_input(form):
    async def main():
        async with one_task_crew(Clocked()).map(form(topics(3, 1, 2))) as outcomes:
            return [(outcome.index, outcome.raw, outcome.inputs) async for outcome in outcomes]

    assert on_virtual_time(main) == [(1, "1", {"topic": 1}), (2, "2", {"topic": 2}), (0, "3", {"topic": 3})]


@pytest.mark.parametrize(("form", "peak"), [(list, 1500), (tuple, 1500), (iter, 1000), (stream_of, 1000)])
def test_a_list_is_done_at_once_and_a_stream_a_thousand_at_a_time(form, peak):
    model = Clocked()
    outcomes = on_virtual_time(lambda: given(one_task_crew(model).map(form(topics(*[1] * 1500)))))
    assert len(outcomes) == 1500
    assert model.peak == peak


def test_no_more_runs_are_under_way_than_allowed():
    model = Clocked()
    outcomes = on_virtual_time(lambda: given(one_task_crew(model).map(topics(*range(9)), max_concurrency=3)))
    assert len(outcomes) == 9
    assert model.peak == 3


def test_a_break_out_of_a_plain_loop_ends_the_work():
    model = Clocked()

    async def main():
        async for outcome in one_task_crew(model).map(topics(1, 1000, 1000)):
            assert outcome.index == 0
            break
        for _ in range(10):
            await asyncio.sleep(0)
        assert model.in_flight == 0
        assert len(asyncio.all_tasks()) == 1

    on_virtual_time(main)


def test_leaving_the_block_ends_the_work_before_the_next_line():
    model = Clocked()

    async def main():
        stream = one_task_crew(model).map(topics(1, 1000, 1000))

        async def read():
            async with stream as outcomes:
                async for _ in outcomes:
                    raise ValueError("of the reader")

        with pytest.raises(ValueError, match="of the reader"):
            await read()
        assert model.in_flight == 0
        assert len(asyncio.all_tasks()) == 1
        assert [outcome async for outcome in stream] == []

    on_virtual_time(main)


def test_cancelling_the_reader_ends_the_work():
    model = Clocked()

    async def main():
        reader = asyncio.ensure_future(given(one_task_crew(model).map(topics(1, 1000, 1000))))
        await asyncio.sleep(5)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        assert model.in_flight == 0
        assert len(asyncio.all_tasks()) == 1

    on_virtual_time(main)


def test_no_work_is_done_before_the_iteration():
    async def main():
        model = ScriptedModel()
        async with one_task_crew(model).map(topics(1)):
            await asyncio.sleep(1)
        assert model.requests == []

    on_virtual_time(main)


def test_an_error_of_the_source_reaches_the_reader_when_all_work_has_ended():
    model = Clocked()

    async def torn():
        yield {"topic": 1000}
        await asyncio.sleep(5)
        raise OSError("the file is torn")

    async def main():
        with pytest.raises(OSError, match="torn"):
            await given(one_task_crew(model).map(torn()))
        assert model.in_flight == 0

    on_virtual_time(main)


async def test_an_input_of_a_stream_that_is_no_dict_fails_by_itself():
    async with one_task_crew(ScriptedModel(by=lambda _: "ok")).map(iter([{"topic": 1}, 7])) as outcomes:
        found = {outcome.index: outcome async for outcome in outcomes}
    assert found[0].ok
    assert isinstance(found[1].error, BlueprintError)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"max_concurrency": 0}, "max_concurrency=0"),
    ({"max_concurrency": True}, "max_concurrency=True"),
    ({"max_concurrency": 1.5}, "max_concurrency=1.5"),
    ({"max_failures": -1}, "max_failures=-1"),
    ({"on_error": "stop"}, "on_error='stop'"),
    ({"retry_failed": True}, "retry_failed=True needs a journal"),
    ({"key": "topic"}, "key='topic'"),
    ({"journal": 7}, "journal=7"),
    ({"journal": ""}, "journal=''"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG)
def test_arguments_that_cannot_be_are_named_at_once(wrong, message):
    with pytest.raises(BlueprintError, match=message):
        one_task_crew(ScriptedModel()).map(topics(1), **wrong)


@pytest.mark.parametrize("inputs", [None, "x", b"x", {"topic": 1}, 7])
def test_inputs_that_are_not_many_are_named_at_once(inputs):
    with pytest.raises(BlueprintError, match="must be a list of dicts") as caught:
        one_task_crew(ScriptedModel()).map(inputs)
    assert isinstance(caught.value, TypeError), "which programs written for CrewAI catch"


async def test_of_a_stream_the_second_input_that_would_write_a_file_fails(tmp_path):
    agent = agent_with(ScriptedModel(by=lambda _: "ok"))
    crew = Crew(agents=[agent], tasks=[task_for(agent, output_file=str(tmp_path / "{day}.md"))])
    days = [{"topic": n, "day": day} for n, day in enumerate(["mon", "tue", "mon"])]
    async with crew.map(iter(days)) as outcomes:
        found = {outcome.index: outcome async for outcome in outcomes}
    assert [found[index].ok for index in range(3)] == [True, True, False]
    assert isinstance(found[2].error, BlueprintError)
    assert "inputs 0 and 2 would both write" in str(found[2].error)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mon.md", "tue.md"]


def test_the_first_failure_cancels_the_rest_where_the_caller_says_so():
    model = Clocked()

    async def main():
        outcomes = one_task_crew(model).map(topics(1, "2 poison", 1000), on_error="raise")
        assert (await anext(outcomes)).index == 0
        with pytest.raises(BatchError, match="input 1 failed, and on_error='raise'") as caught:
            await anext(outcomes)
        assert isinstance(caught.value.__cause__, BadRequestError)
        (failure,) = caught.value.failures
        assert (failure.index, failure.status) == (1, "failed")
        assert model.in_flight == 0

    on_virtual_time(main)


POISONED = topics("1 poison", "2 poison", 3, 1000, 3, 3)


def test_too_many_failures_end_a_batch_and_every_input_of_a_list_has_its_outcome():
    model = Clocked()

    async def main():
        stream = one_task_crew(model).map(POISONED, max_failures=1, max_concurrency=3)
        async with stream as outcomes:
            return [outcome async for outcome in outcomes]

    found = on_virtual_time(main)
    statuses = [(outcome.index, outcome.status) for outcome in found]
    # 0, 1, 2 began at 0 s; 3 when 0 had failed; at 2 s the second failure came, and 4 and 5 had not begun.
    assert statuses == [
        (0, "failed"),
        (1, "failed"),
        (2, "cancelled"),
        (3, "cancelled"),
        (4, "skipped"),
        (5, "skipped"),
    ]
    assert isinstance(found[-1].error, NotStartedError)
    assert found[-1].inputs == {"topic": 3}
    assert "max_failures=1" in str(found[-1].error)
    assert [outcome.duration_s for outcome in found] == [1, 2, 2, 1, 0, 0]
    assert [outcome.attempts for outcome in found] == [1, 1, 1, 1, 0, 0]
    assert model.in_flight == 0


def test_too_many_failures_end_an_endless_batch_after_what_was_under_way():
    def endless():
        while True:
            yield {"topic": "1 poison"}

    outcomes = on_virtual_time(
        lambda: given(one_task_crew(Clocked()).map(endless(), max_failures=4, max_concurrency=2))
    )
    assert [status for _, status in outcomes].count("failed") >= 5
    assert [index for index, _ in outcomes] == list(range(len(outcomes)))
    assert len(outcomes) <= 7


async def test_memory_does_not_grow_with_the_number_of_inputs():
    crew = one_task_crew("offline/0s")
    kept: list[int] = []
    gc.collect()
    tracemalloc.start()
    try:
        async with crew.map(({"topic": n} for n in range(3000)), max_concurrency=50) as outcomes:
            async for outcome in outcomes:
                assert outcome.ok
                if outcome.index in (1000, 2900):
                    gc.collect()
                    kept.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert kept[1] - kept[0] < 200_000  # of 1,900 outcomes that would be several megabytes


async def run_with(journal, crew, inputs, **batch) -> list[CrewOutput | FailedRun]:
    return list(await crew.kickoff_for_each_async(inputs, journal=journal, **batch))


async def test_what_a_journal_holds_is_not_done_again():
    model, journal = ScriptedModel(by=prompt), MemoryJournal()
    crew = one_task_crew(model)
    first = await run_with(journal, crew, topics("a", "b"))
    second = await run_with(journal, crew, topics("c", "b", "a"))
    assert len(model.requests) == 3
    assert [outcome.raw for outcome in second[1:]] == [first[1].raw, first[0].raw]
    assert [outcome.index for outcome in second] == [0, 1, 2]
    assert second[1].inputs == {"topic": "b"}
    assert second[1].token_usage == first[1].token_usage
    assert (journal.opened, journal.closed) == (2, 2)


async def test_one_content_twice_is_two_inputs_and_both_are_known_the_next_time():
    model, journal = ScriptedModel(by=lambda _: "ok"), MemoryJournal()
    crew = one_task_crew(model)
    for _ in range(2):
        outcomes = await run_with(journal, crew, topics("a", "a"))
        assert [outcome.ok for outcome in outcomes] == [True, True]
    assert len(model.requests) == 2
    plain, numbered = sorted(journal.records)
    assert numbered == f"{plain}#2"


async def test_a_recorded_failure_stands_until_it_is_to_be_retried():
    model, journal = ScriptedModel(AuthenticationError("no", status=401), "ok"), MemoryJournal()
    crew = one_task_crew(model)
    (failed,) = await run_with(journal, crew, topics("a"))
    (recorded,) = await run_with(journal, crew, topics("a"))
    assert len(model.requests) == 1
    assert isinstance(recorded.error, AuthenticationError)
    assert (recorded.status, recorded.attempts, str(recorded.error)) == ("failed", 1, str(failed.error))
    (retried,) = await run_with(journal, crew, topics("a"), retry_failed=True)
    assert (retried.ok, retried.attempts) == (True, 2)
    (known,) = await run_with(journal, crew, topics("a"), retry_failed=True)
    assert (known.ok, known.attempts) == (True, 2)


async def test_recorded_failures_do_not_count_against_max_failures():
    journal = MemoryJournal()
    crew = one_task_crew(ScriptedModel(by=lambda request: BadRequestError("no", status=400)))
    await run_with(journal, crew, topics("a", "b"))
    outcomes = await run_with(journal, crew, topics("a", "b", "c"), max_failures=1, max_concurrency=1)
    assert [outcome.status for outcome in outcomes] == ["failed"] * 3


def test_a_run_that_was_cancelled_skipped_or_had_no_budget_is_not_recorded():
    journal = MemoryJournal()

    async def main():
        batch = topics("1 budget", "2 poison", 1000, 1000)
        return await run_with(journal, one_task_crew(Clocked()), batch, max_failures=1, max_concurrency=3)

    outcomes = on_virtual_time(main)
    assert [outcome.status for outcome in outcomes] == ["failed", "failed", "cancelled", "cancelled"]
    assert len(journal.records) == 1
    assert len(journal.given_up) == 3


def test_a_cancelled_batch_gives_up_its_claims_and_closes_the_journal():
    journal = MemoryJournal()

    async def main():
        batch = asyncio.ensure_future(run_with(journal, one_task_crew(Clocked()), topics(1000, 1001)))
        await asyncio.sleep(5)
        assert len(journal.claimed) == 2
        batch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await batch

    on_virtual_time(main)
    assert (len(journal.given_up), journal.closed) == (2, 1)


async def test_a_journal_that_cannot_be_written_ends_the_batch():
    class Full(MemoryJournal):
        async def end(self, key, outcome, *, ok, timed_out=False):
            raise JournalError("the disk is full", path="b.sqlite")

    journal = Full()
    with pytest.raises(JournalError, match="full"):
        await run_with(journal, one_task_crew(ScriptedModel(by=lambda _: "ok")), topics(1, 2))
    assert (journal.claimed, journal.closed) == ({}, 1)


def test_an_input_that_another_process_does_is_waited_for_while_others_go_on():
    journal, model = MemoryJournal(), Clocked()
    crew = one_task_crew(model)

    async def main():
        await run_with(journal, crew, topics(0, 0.1, 0.2))
        first, second, third = list(journal.records)
        elsewhere = journal.records.pop(first)
        del journal.records[third]
        journal.elsewhere = {first, third}
        loop = asyncio.get_running_loop()
        began_s = loop.time()

        def other_process():
            journal.records[first] = elsewhere  # it finished this one
            journal.elsewhere.clear()  # and gave up that one

        loop.call_later(2.2, other_process)
        async with crew.map(topics(0, 0.1, 0.2), journal=journal, max_concurrency=1) as outcomes:
            found = [(outcome.index, round(loop.time() - began_s, 1)) async for outcome in outcomes]
        assert journal.asked.count(second) == 2
        return found

    assert on_virtual_time(main) == [(1, 0.0), (0, 2.5), (2, 2.7)]
    assert model.asked == ["0", "0.1", "0.2", "0.2"]


async def test_a_key_of_the_users_own_takes_what_is_not_json():
    model, journal = ScriptedModel(by=lambda _: "ok"), MemoryJournal()
    crew = one_task_crew(model)
    batch = [{"topic": object(), "id": "a"}, {"topic": object(), "id": "b"}, {"topic": object(), "id": "a"}]
    outcomes = await run_with(journal, crew, batch, key=lambda inputs: inputs["id"])
    assert [outcome.ok for outcome in outcomes] == [True, True, False]
    assert isinstance(outcomes[2].error, BlueprintError)
    assert set(journal.records) == {"a", "b"}
    await run_with(journal, crew, batch[:2], key=lambda inputs: inputs["id"])
    assert len(model.requests) == 2
    without = await run_with(journal, crew, batch[:1])
    assert "give key=" in str(without[0].error)


async def test_the_steps_of_a_begun_run_go_through_the_journal():
    class Counting(MemoryJournal):
        def __init__(self):
            super().__init__()
            self.paths: list[str] = []

        def _steps(self, inner: Steps) -> Steps:
            paths = self.paths

            class Counted:
                branches = staticmethod(inner.branches)

                def step(self, path, body, returns, effect=None):
                    paths.append(path)
                    return inner.step(path, body, returns, effect)

            return Counted()

    journal = Counting()
    await run_with(journal, one_task_crew(ScriptedModel("ok")), topics("a"))
    assert journal.paths == ["run/task-0/turn-0/model"]


async def test_an_output_that_cannot_be_recorded_fails_its_input():
    def spoil(output):
        output.json_dict = {"handle": object()}

    journal = MemoryJournal()
    crew = one_task_crew(ScriptedModel("ok"), after_kickoff_callbacks=[spoil])
    (outcome,) = await run_with(journal, crew, topics("a"))
    assert isinstance(outcome.error, BlueprintError)
    assert outcome.token_usage.total_tokens == 15
    assert (journal.records, len(journal.given_up)) == ({}, 1)


async def test_a_crew_that_cannot_be_planned_fails_each_input_and_records_none():
    journal = MemoryJournal()
    outcomes = await run_with(journal, one_task_crew("openai/gpt-4o-mini"), topics("a", "b"))
    assert [type(outcome.error).__name__ for outcome in outcomes] == ["MissingKeyError"] * 2
    assert journal.asked == []


@tool("look_up")
def look_up(word: str) -> str:
    """Look a word up."""
    return word


def crew_of(llm: Any = "offline/0s", *, description: str = "Work on {topic}", tools: Any = (), **fields: Any) -> Crew:
    agent = agent_with(llm, tools=list(tools), **fields)
    return Crew(agents=[agent], tasks=[task_for(agent, description)])


def versioned(version: str, **changes: Any) -> Any:
    return look_up.model_copy(update={"version": version, **changes})


def test_the_digest_is_the_same_as_long_as_the_crew_asks_the_same():
    usual = digest_of(crew_of(tools=[look_up]), {"topic": "a"})
    assert digest_of(crew_of(tools=[look_up]), {"topic": "a"}) == usual
    limited = crew_of(tools=[look_up.model_copy(update={"max_usage_count": 3})], max_iter=3, max_rpm=7, verbose=True)
    limited.step_callback = print
    assert digest_of(limited, {"topic": "a"}) == usual
    key, address = LLM("openai/m", api_key="one"), LLM("openai/m", api_key="two", base_url="http://localhost:1/v1")
    assert digest_of(crew_of(key), {}) == digest_of(crew_of(address), {})


CHANGED: dict[str, Crew] = {
    "description": crew_of(description="Think about {topic}", tools=[look_up]),
    "role": crew_of(role="Critic", tools=[look_up]),
    "goal": crew_of(goal="Doubt", tools=[look_up]),
    "backstory": crew_of(backstory="Sly.", tools=[look_up]),
    "use_system_prompt": crew_of(use_system_prompt=False, tools=[look_up]),
    "model": crew_of("offline/1s", tools=[look_up]),
    "tools": crew_of(),
    "a tool's version": crew_of(tools=[versioned("2")]),
    "a tool's description": crew_of(tools=[versioned("", description="Find a word.")]),
    "a tool's name": crew_of(tools=[versioned("", name="find")]),
}


@pytest.mark.parametrize("what", CHANGED)
def test_the_digest_changes_with(what):
    assert digest_of(CHANGED[what], {"topic": "a"}) != digest_of(crew_of(tools=[look_up]), {"topic": "a"})


def test_the_digest_changes_with_parameters_graph_and_inputs():
    agent = agent_with(LLM("offline/0s"))
    tasks = [task_for(agent, "one"), task_for(agent, "two")]
    usual = digest_of(Crew(agents=[agent], tasks=tasks), {"topic": "a"})
    assert digest_of(Crew(agents=[agent], tasks=tasks), {"topic": "b"}) != usual
    tasks[1].context = []
    assert digest_of(Crew(agents=[agent], tasks=tasks), {"topic": "a"}) != usual
    warm, cold = (LLM("openai/m", api_key="k", temperature=degree) for degree in (1, 0))
    assert digest_of(crew_of(warm), {}) != digest_of(crew_of(cold), {})
