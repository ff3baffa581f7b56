"""Each of the ten causes is found where it is planted, and nothing is found where nothing is."""

from __future__ import annotations

import asyncio
import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from aiocrew import LLM, Limits, OverlapReport, Task, TaskError, observe, tool
from aiocrew.seeing.report import Cause
from tests.crew.scenes import one_task_crew
from tests.doubles import ScriptedModel
from tests.seeing.planted.parts import crew, inputs
from tests.server.conftest import provider as provider
from tests.server.loopback import LoopbackProvider

PLANTED = Path(__file__).parent / "planted"


def expected(name: str) -> tuple[str, str, int]:
    file = PLANTED / f"{name}.py"
    (found,) = [
        (match[1], str(file), number)
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if (match := re.search(r"# HERE: (\S+)", line))
    ]
    return found


def observed(main: Any) -> OverlapReport:
    with observe() as seen:
        asyncio.run(main())
    return seen.report()


def found(report: OverlapReport) -> list[tuple[str, str, int]]:
    return [(culprit.cause.value, culprit.file, culprit.line) for culprit in report.culprits]


@pytest.mark.filterwarnings("ignore::aiocrew.BlockingKickoffWarning")
@pytest.mark.parametrize("cause", [cause.value for cause in Cause])
def test_a_planted_serializer_is_named_with_its_line_and_cause(cause: str, provider: LoopbackProvider) -> None:
    provider.latency_s = 0.02 if cause == "slow-reader" else 0.1
    name = cause.replace("-", "_")
    report = observed(importlib.import_module(f"tests.seeing.planted.{name}").main)
    assert found(report) == [expected(name)]
    (culprit,) = report.culprits
    assert culprit.lost_s > 0.05
    assert culprit.what
    assert culprit.instead


@tool("Look up")
async def quick_look(topic: str) -> str:
    """Look a topic up."""
    await asyncio.sleep(0.01)
    return f"{topic} is old"


def test_nothing_is_found_in_a_clean_run_of_200_inputs(provider: LoopbackProvider) -> None:
    provider.latency_s = 0.3
    report = observed(lambda: crew(tools=[quick_look]).kickoff_for_each_async(inputs(200)))
    assert (report.runs, report.calls) == (200, 600)
    assert found(report) == []
    assert report.peak > 150


def test_nothing_is_found_where_a_crew_consumes_what_another_one_gave(provider: LoopbackProvider) -> None:
    provider.latency_s = 0.1

    async def main() -> None:
        facts = await crew().kickoff_async({"topic": "bees"})
        for _ in range(3):  # each takes up the last one's answer
            facts = await crew().kickoff_async({"topic": f"in other words: {facts.raw}"})

    report = observed(main)
    assert report.runs == 4
    assert found(report) == []
    assert report.ideal_s > 0.8 * report.wall_s


def test_in_a_rate_limited_batch_only_the_limit_is_found() -> None:
    async def main(url: str) -> None:
        limited = LLM("openai/by-the-minute", base_url=url, api_key="k", limits=Limits(requests_per_minute=1200))
        outcomes = await crew(model=limited).kickoff_for_each_async(inputs(30))
        assert all(outcome.ok for outcome in outcomes)

    with LoopbackProvider(latency_s=0.02, uses_tools=False) as provider:
        report = observed(lambda: main(provider.base_url))
    assert [culprit.cause for culprit in report.culprits] == [Cause.LIMIT]
    assert "Limits(requests_per_minute=1200) of openai/by-the-minute" in report.culprits[0].what


def test_nothing_is_found_in_a_single_run(provider: LoopbackProvider) -> None:
    provider.latency_s = 0.05
    blocking = importlib.import_module("tests.seeing.planted.blocked_loop").look_up
    report = observed(lambda: crew(tools=[blocking]).kickoff_async({"topic": "bees"}))
    assert report.runs == 1
    assert found(report) == []


def test_nothing_is_found_where_the_tasks_of_a_crew_need_each_other(provider: LoopbackProvider) -> None:
    provider.latency_s = 0.05
    two = crew()
    agent = two.agents[0]
    first = Task(description="Collect facts about {topic}", expected_output="Facts", agent=agent)
    second = Task(description="Write them up", expected_output="A text", agent=agent, context=[first])
    two.tasks = [first, second]
    assert found(observed(lambda: two.kickoff_for_each_async(inputs(4)))) == []


def test_a_run_that_is_tried_again_is_no_finding() -> None:
    failing = {"left": 2}

    def by(_: Any) -> Any:
        failing["left"] -= 1
        return ConnectionError("busy") if failing["left"] >= 0 else "well"

    async def main() -> None:
        for _ in range(5):
            try:
                await one_task_crew(ScriptedModel(by=by, delay_s=0.1)).kickoff_async()
            except TaskError:
                continue
            break

    assert found(observed(main)) == []
