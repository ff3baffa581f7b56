"""What a type checker makes of what people write."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HEAD = """
from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from typing_extensions import assert_type

from aiocrew import Agent, ConditionalTask, Crew, CrewOutput, FailedRun, Outcome, Task, TaskOutput


class Report(BaseModel):
    title: str


class Score(BaseModel):
    score: int


agent = Agent(role="r", goal="g", backstory="b", llm="offline/instant")
report = Task(description="d", expected_output="e", agent=agent, output_pydantic=Report)
plain = Task(description="d", expected_output="e", agent=agent, context=[report])
crew = Crew(agents=[agent], tasks=[report, plain])

"""

RIGHT = {
    "a_class_is_inferred": "assert_type(report, Task[Report])",
    "a_plain_task_gives_text": "assert_type(plain, Task[str])",
    "brackets_name_the_class": """
named = Task[Report](description="d", expected_output="e")
assert_type(crew.kickoff().of(named), Report)
""",
    "of_gives_the_instance_of_its_task": """
output = crew.kickoff(inputs={"topic": "bees"})
assert_type(output.of(report), Report)
assert_type(output.of(report).title, str)
assert_type(output.of(plain), str)
""",
    "a_response_model_is_inferred": """
modelled = Task(description="d", expected_output="e", response_model=Score)
assert_type(modelled, Task[Score])
assert_type(crew.kickoff().of(modelled), Score)
""",
    "json_is_text_to_of": """
scored = Task(description="d", expected_output="e", output_json=Score)
assert_type(crew.kickoff().of(scored), str)
""",
    "conditional_tasks_have_classes_too": """
def long(output: TaskOutput) -> bool:
    return len(output.raw) > 10

maybe = ConditionalTask(description="d", expected_output="e", output_pydantic=Score, condition=long)
assert_type(maybe, ConditionalTask[Score])
assert_type(Crew(agents=[agent], tasks=[plain, maybe]).kickoff().of(maybe), Score)
""",
    "an_awaited_output_has_them_as_well": """
async def main() -> None:
    assert_type((await crew.kickoff_async()).of(report), Report)
    async with crew.start() as run:
        assert_type((await run).of(report), Report)
    async with crew.map([{"topic": "bees"}]) as outcomes:
        async for outcome in outcomes:
            assert_type(outcome.of(report), Report)
            assert_type(outcome.ok, bool)
""",
    "ok_tells_an_output_from_a_failure": """
def read(outcome: Outcome) -> str:
    if outcome.ok is True:
        assert_type(outcome, CrewOutput)
        return outcome.raw
    assert_type(outcome, FailedRun)
    return str(outcome.error)
""",
    "tasks_of_several_kinds_stand_in_one_list": """
tasks = [report, plain, ConditionalTask(description="d", expected_output="e", condition=lambda output: True)]
Crew(agents=[agent], tasks=tasks)
mixed: list[Task[Any]] = [report, plain]
Crew(agents=[agent], tasks=mixed)
""",
    "a_copy_is_a_crew": "assert_type(crew.copy(), Crew)",
    "a_stream_gives_events_and_then_the_output": """
from aiocrew import EventStream
from aiocrew.types.events import Event, LLMStreamChunk

async def read() -> None:
    stream = crew.stream({"topic": "bees"})
    assert_type(stream, EventStream[CrewOutput])
    async with stream as events:
        async for event in events:
            assert_type(event, Event)
            if isinstance(event, LLMStreamChunk):
                assert_type(event.text, str)
    assert_type(stream.output.of(report), Report)
    async with crew.start() as run:
        async for event in run.events():
            assert_type(event, Event)
""",
    "stream_is_also_a_setting": """
Crew(agents=[agent], tasks=[plain], stream=True)
crew.stream = True
assert_type(bool(crew.stream), bool)
assert_type(crew.streams, bool)
""",
    "doors_of_a_task": """
assert_type(report.execute_sync(), TaskOutput)
assert_type(report.execute_async().result(), TaskOutput)
""",
}

WRONG = {
    "an_instance_has_its_own_fields_only": ("crew.kickoff().of(report).score", "score"),
    "a_text_has_no_fields": ("crew.kickoff().of(plain).headline", "headline"),
    "a_class_must_be_one_of_pydantic_or_at_least_a_class": (
        'Task(description="d", expected_output="e", output_pydantic=3)',
        "output_pydantic",
    ),
    "a_field_that_nobody_knows": ('Task(description="d", expected_output="e", agnet=agent)', "agnet"),
    "a_crew_has_no_method_that_is_not_built": ('crew.train(n_iterations=1, filename="x")', "train"),
}


@pytest.fixture(scope="module")
def problems(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The errors of each snippet, from one call of the checker."""
    folder = tmp_path_factory.mktemp("snippets")
    for name, text in [*RIGHT.items(), *((name, text) for name, (text, _) in WRONG.items())]:
        (folder / f"{name}.py").write_text(HEAD + text, encoding="utf-8")
    settings = {"typeCheckingMode": "standard", "extraPaths": [str(ROOT / "src")], "pythonVersion": "3.11"}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "basedpyright", "--outputjson", "--pythonpath", sys.executable, "-p", str(folder)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    found: dict[str, list[str]] = {}
    for problem in json.loads(done.stdout)["generalDiagnostics"]:
        if problem["severity"] == "error":
            found.setdefault(Path(problem["file"]).stem, []).append(problem["message"])
    return found


@pytest.mark.parametrize("name", RIGHT)
def test_a_checker_agrees_that(problems, name):
    assert problems.get(name, []) == []


@pytest.mark.parametrize("name", WRONG)
def test_a_checker_objects_that(problems, name):
    assert WRONG[name][1] in "\n".join(problems.get(name, []))
