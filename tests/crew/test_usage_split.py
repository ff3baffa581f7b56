"""What was used and spent, by task, agent and model: exact, whatever else goes on."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aiocrew.agent.usage import UsageCounter
from aiocrew.aio.runtime import local_runtime
from aiocrew.crew.crew import Crew
from aiocrew.tools.decorator import tool
from aiocrew.types import paths
from aiocrew.types.context import active_runtime
from aiocrew.types.events import LLMCallCompleted
from aiocrew.types.messages import Reply, Request
from aiocrew.types.outputs import CrewOutput, FailedRun, Outcome
from aiocrew.types.prices import Price
from aiocrew.types.spending import Spent
from aiocrew.types.usage import Usage, UsageMetrics
from tests.crew.scenes import agent_with, one_task_crew, task_for
from tests.doubles import RecordingSteps, ScriptedModel, calls, prompt

PRICE = Price(input_usd=1.0, output_usd=2.0)
"""A dollar for a million tokens of prompts, so a microdollar for one."""


class Priced(ScriptedModel):
    price = PRICE


def used(number: int, text: str = "fine") -> Reply:
    return Reply(text, usage=Usage(number, 1))


def spent(*splits: Spent) -> list[tuple[int, int]]:
    """Return calls and tokens of prompts."""
    return [(split.calls, split.token_usage.prompt_tokens) for split in splits]


def same_sums(outcome: Outcome) -> bool:
    """Whether every split has the same sum, which is the outcome's."""
    for splits in (outcome.usage_by_task, [*outcome.usage_by_agent.values()], [*outcome.usage_by_model.values()]):
        total = UsageMetrics()
        for split in splits:
            total.add_usage_metrics(split.token_usage)
        if total != outcome.token_usage:
            return False
    return True


async def test_a_run_tells_what_each_task_agent_and_model_used() -> None:
    first, second = agent_with(Priced(used(1), used(2))), agent_with(ScriptedModel(used(10)), role="Writer")
    tasks = [task_for(first), task_for(second), task_for(first)]
    output = await Crew(agents=[first, second], tasks=tasks).kickoff_async()
    assert spent(*output.usage_by_task) == [(1, 1), (1, 10), (1, 2)]
    assert {role: spent(split)[0] for role, split in output.usage_by_agent.items()} == {
        "Analyst": (2, 3),
        "Writer": (1, 10),
    }
    assert {name: spent(split)[0] for name, split in output.usage_by_model.items()} == {
        "Priced": (2, 3),
        "ScriptedModel": (1, 10),
    }
    assert output.usage_by_agent["Analyst"].cost_usd == pytest.approx(7e-6)
    assert output.usage_by_agent["Writer"].cost_usd is None
    assert output.cost_usd is None
    assert [task.spent for task in output.tasks_output] == output.usage_by_task
    assert tasks[1].output is not None
    assert tasks[1].output.spent == output.usage_by_task[1]
    assert repr(output.usage_by_task[1]) == "Spent(calls=1, total_tokens=11)"
    assert same_sums(output)


async def test_during_the_run_a_task_does_not_know_yet_what_it_used() -> None:
    known: list[Spent | None] = []
    crew = one_task_crew(ScriptedModel("fine"), task_callback=lambda output: known.append(output.spent))
    await crew.kickoff_async()
    assert known == [None]


async def test_work_that_is_handed_on_is_the_co_workers_and_belongs_to_the_task() -> None:
    work = ("delegate_work_to_coworker", {"coworker": "Writer", "task": "write", "context": ""})
    asked = Reply("", calls(work).calls, Usage(3, 1), "tool_calls")
    lead = agent_with(ScriptedModel(asked, used(5), used(100)), role="Lead", allow_delegation=True)
    writer = agent_with(ScriptedModel(used(20)), role="Writer")
    output = await Crew(agents=[lead, writer], tasks=[task_for(lead), task_for(lead)]).kickoff_async()
    assert spent(*output.usage_by_task) == [(3, 28), (1, 100)]
    assert {role: spent(split)[0] for role, split in output.usage_by_agent.items()} == {
        "Lead": (3, 108),
        "Writer": (1, 20),
    }
    assert same_sums(output)


async def test_a_run_inside_a_tool_is_its_own() -> None:
    inner_outputs: list[CrewOutput] = []

    @tool
    async def hand_on() -> str:
        """Ask another crew."""
        agent = agent_with(ScriptedModel(used(7), used(8)), role="Inner")
        inner = await Crew(agents=[agent], tasks=[task_for(agent), task_for(agent)]).kickoff_async()
        inner_outputs.append(inner)
        return inner.raw

    asked = Reply("", calls(("hand_on", {})).calls, Usage(1, 1), "tool_calls")
    agent = agent_with(ScriptedModel(used(4), asked, used(2)), tools=[hand_on])
    output = await Crew(agents=[agent], tasks=[task_for(agent), task_for(agent)]).kickoff_async()
    assert spent(*output.usage_by_task) == [(1, 4), (2, 3)]
    assert spent(*inner_outputs[0].usage_by_task) == [(1, 7), (1, 8)]
    assert [*output.usage_by_agent, *inner_outputs[0].usage_by_agent] == ["Analyst", "Inner"]


async def test_a_failed_run_tells_what_it_used_until_then() -> None:
    agent = agent_with(ScriptedModel(used(1), used(2), ValueError("no")))
    crew = Crew(agents=[agent], tasks=[task_for(agent) for _ in range(4)])
    [outcome] = await crew.kickoff_for_each_async([{"topic": "tea"}])
    assert isinstance(outcome, FailedRun)
    assert spent(*outcome.usage_by_task) == [(1, 1), (1, 2)]
    assert same_sums(outcome)
    assert spent(*outcome.usage_by_agent.values()) == [(2, 3)]


@pytest.mark.parametrize("streams", [False, True])
async def test_two_hundred_runs_at_once_count_their_own_calls_and_no_others(streams: bool) -> None:
    answered: Counter[str] = Counter()

    def answer(request: Request) -> Reply | Exception:
        topic, task = prompt(request).split()[4:6]
        answered[topic] += 1
        number = int(topic)
        if task == "1" and number % 7 == 3:
            return ValueError("no")
        if task == "0" and number % 5 == 1 and len(request.messages) == 2:
            return Reply("", calls(("nobody", {})).calls, Usage(1000 + number, 1), "tool_calls")  # asked once more
        return used(number, "a few words")

    model = Priced(by=answer, delay_s=0.001, streams=streams)
    first, second = agent_with(model), agent_with(model, role="Writer")
    tasks = [task_for(agent, f"Work on {{topic}} {n}") for n, agent in enumerate((first, second))]
    crew = Crew(agents=[first, second], tasks=tasks)
    if streams:
        crew.stream = True  # type: ignore[assignment]
        streaming: Any = await crew.kickoff_for_each_async([{"topic": str(number)} for number in range(200)])
        async for _ in streaming:
            pass
        outcomes = streaming.results
    else:
        outcomes = await crew.kickoff_for_each_async([{"topic": str(number)} for number in range(200)])
    for number, outcome in enumerate(outcomes):
        retried = (1, 1000 + number) if number % 5 == 1 else (0, 0)
        done = [(1 + retried[0], number + retried[1])] + ([] if number % 7 == 3 else [(1, number)])
        assert spent(*outcome.usage_by_task) == done
        assert same_sums(outcome)
        assert outcome.cost_usd == pytest.approx(sum(tokens + 2 * count for count, tokens in done) / 1e6)
    assert model.peak > 100
    assert sum(split.calls for split in outcomes.usage_by_agent.values()) == outcomes.token_usage.successful_requests
    assert outcomes.usage_by_model["Priced"].token_usage == outcomes.token_usage
    assert outcomes.usage_by_model["Priced"].cost_usd == pytest.approx(outcomes.cost_usd)


async def test_a_replayed_run_counts_what_was_used_when_it_was_recorded() -> None:
    def crew(*answers: Reply) -> Crew:
        agent = agent_with(ScriptedModel(*answers))
        return Crew(agents=[agent], tasks=[task_for(agent), task_for(agent)])

    async def kicked_off(steps: RecordingSteps, crew: Crew) -> CrewOutput:
        token = active_runtime.set(replace(local_runtime(), steps=steps))
        try:
            return await crew.kickoff_async()
        finally:
            active_runtime.reset(token)

    recording = RecordingSteps()
    first = await kicked_off(recording, crew(used(1), used(2)))
    again = await kicked_off(RecordingSteps(recording.recorded), crew())
    assert spent(*again.usage_by_task) == spent(*first.usage_by_task) == [(1, 1), (1, 2)]


@pytest.mark.parametrize("fails", [False, True])
async def test_what_a_journal_gives_again_is_split_as_it_was(tmp_path: Path, fails: bool) -> None:
    last: list[Any] = [ValueError("no")] if fails else [used(3)]
    first, second = agent_with(Priced(used(1), used(2), *last)), agent_with(ScriptedModel(used(9)), role="Writer")
    crew = Crew(agents=[first, second], tasks=[*map(task_for, (first, second, first, first))])
    journal = str(tmp_path / "batch.sqlite")
    [fresh] = await crew.kickoff_for_each_async([{"topic": "tea"}], journal=journal)
    outcomes = await crew.kickoff_for_each_async([{"topic": "tea"}], journal=journal)
    [again] = outcomes
    assert spent(*again.usage_by_task) == spent(*fresh.usage_by_task)
    assert [split.cost_usd for split in again.usage_by_task] == [split.cost_usd for split in fresh.usage_by_task]
    assert {role: spent(split) for role, split in again.usage_by_agent.items()} == {
        role: spent(split) for role, split in fresh.usage_by_agent.items()
    }
    assert [*outcomes.usage_by_model] == ["Priced", "ScriptedModel"]
    assert same_sums(again)
    if isinstance(again, CrewOutput):
        assert [spent(task.spent) for task in again.tasks_output if task.spent] == [
            [(1, 1)],
            [(1, 9)],
            [(1, 2)],
            [(1, 3)],
        ]


async def test_an_agent_alone_tells_its_cost() -> None:
    output = await agent_with(Priced(used(6))).kickoff_async("Say something")
    assert output.cost_usd == pytest.approx(8e-6)
    assert spent(*output.usage_by_model.values()) == [(1, 6)]
    assert output.usage_metrics == output.usage_by_agent["Analyst"].token_usage.model_dump()


async def test_outputs_that_were_copied_or_pickled_know_it_too() -> None:
    output = await one_task_crew(Priced(used(4))).kickoff_async()
    for twin in (copy.deepcopy(output), output.model_copy(), pickle.loads(pickle.dumps(output))):
        assert twin.usage_by_task == output.usage_by_task
        assert twin.tasks_output[0].spent == output.usage_by_task[0]
        assert twin == output
    assert "spent" not in output.model_dump()
    assert CrewOutput().usage_by_agent == {}


@pytest.mark.parametrize(
    ("path", "task"),
    [
        ("run/task-0/turn-0/model", 0),
        ("run/task-12/retry-1/turn-3/tool-0/turn-0/model", 12),
        ("run/task-3/turn-1/tool-0/run-0/task-2/turn-0/model", 2),
        ("run/task-3/turn-1/tool-0/run-0/agent/turn-0/model", None),
        ("run/run-0/run-0/task-1/turn-0/model", 1),
        ("run/task-0/run-1/task-4/turn-0/model", 4),
        ("run/agent/turn-0/model", None),
        ("run/before_kickoff-0/run-0/task-5/turn-0/model", 5),
    ],
)
def test_a_call_belongs_to_the_task_of_its_own_run(path: str, task: int | None) -> None:
    counter = UsageCounter()
    counter.emit(LLMCallCompleted("r", paths.Path(path), 0.0, 0.0, "m", "a", "", (), Usage(1, 1), "stop"))
    assert [charge.task for charge in counter.costing().charges] == [task]


async def test_asking_while_the_run_goes_on_does_no_harm() -> None:
    gate = asyncio.Event()

    class Waiting(ScriptedModel):
        async def reply(self, request: Request) -> Reply:
            if self.requests:
                await gate.wait()
            return await super().reply(request)

    agent = agent_with(Waiting(used(1), used(2)))
    async with Crew(agents=[agent], tasks=[task_for(agent), task_for(agent)]).start() as run:
        async for event in run.events():
            if isinstance(event, LLMCallCompleted):
                break
        assert run.usage.prompt_tokens == 1
        gate.set()
        assert spent(*(await run).usage_by_task) == [(1, 1), (1, 2)]
