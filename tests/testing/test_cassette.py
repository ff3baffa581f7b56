"""What is recorded is what is replayed, and what has changed is named."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections import Counter
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from aiocrew import LLM, Crew, Flow, Process, RunOptions, Task, tool
from aiocrew.errors import (
    AuthenticationError,
    CallbackError,
    DeadlineExceededError,
    MissingKeyError,
    RateLimitError,
    TaskError,
)
from aiocrew.flow import listen, start
from aiocrew.seeing.recorder import recording
from aiocrew.testing import (
    CassetteError,
    FunctionModel,
    ModelRequestForbiddenError,
    ScriptedModel,
    calls,
    cassette,
    prompt,
    run_virtual,
)
from aiocrew.types.events import TaskCompleted
from aiocrew.types.messages import Request, ToolResult
from tests.crew.scenes import agent_with, one_task_crew, task_for
from tests.server.loopback import LoopbackProvider

TOPIC = {"topic": "tea"}


def silent() -> ScriptedModel:
    """Return a model that nobody may ask."""
    return ScriptedModel()


def uses_tool(request: Any) -> Any:
    told = [message.text for message in request.messages if isinstance(message, ToolResult)]
    return f"It says {told[0]}" if told else calls(("look_up", {"key": "tea"}))


def crew_with_tool(model: ScriptedModel, called: Counter[str], **fields: Any) -> Crew:
    @tool
    def look_up(key: str) -> str:
        """Look a key up."""
        called["look_up"] += 1
        return f"<{key}>"

    agent = agent_with(model, tools=[look_up], **fields)
    return Crew(agents=[agent], tasks=[task_for(agent)])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "crew.json"


async def test_a_replay_asks_neither_model_nor_plain_tool(path: Path) -> None:
    called = Counter[str]()
    with cassette(path) as first:
        recorded = await crew_with_tool(ScriptedModel(by=uses_tool), called).kickoff_async(TOPIC)
    with cassette(path) as second:
        replayed = await crew_with_tool(silent(), called).kickoff_async(TOPIC)
    assert (first.replays, second.replays) == (False, True)
    assert replayed.raw == recorded.raw == "It says <tea>"
    assert replayed.token_usage == recorded.token_usage
    assert called["look_up"] == 1


async def test_a_changed_goal_is_shown_with_message_role_and_both_sides(path: Path) -> None:
    with cassette(path):
        await crew_with_tool(ScriptedModel(by=uses_tool), Counter()).kickoff_async(TOPIC)
    with pytest.raises(CassetteError) as caught, cassette(path):
        await crew_with_tool(silent(), Counter(), goal="Find much more").kickoff_async(TOPIC)
    message = str(caught.value)
    assert "run/task-0/turn-0/model (ScriptedModel) of the crew 'crew'" in message
    assert "message 0 (system).text:" in message
    assert "  - Your goal: Find out\n  + Your goal: Find much more" in message
    assert caught.value.path == str(path)


async def test_a_changed_tool_is_shown_by_what_changed_in_it(path: Path) -> None:
    @tool("look_up")
    def other(key: str) -> str:
        """Look a key up in the attic."""
        return key

    with cassette(path):
        await crew_with_tool(ScriptedModel(by=uses_tool), Counter()).kickoff_async(TOPIC)
    crew = crew_with_tool(silent(), Counter())
    crew.agents[0].tools = [other]
    with (
        pytest.raises(CassetteError, match=r"(?s)tools\[0\] \(look_up\)\.description:.*- Look.*\+ Look .* attic"),
        cassette(path),
    ):
        await crew.kickoff_async(TOPIC)


async def test_changed_arguments_of_a_tool_are_shown(path: Path) -> None:
    with cassette(path):
        await crew_with_tool(ScriptedModel(by=uses_tool), Counter()).kickoff_async(TOPIC)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"key": "tea"', '"key": "coffee"'), encoding="utf-8")
    with (
        pytest.raises(CassetteError, match=r"tool-0 \(look_up\).*(?s:.*)arguments.key:\n  - coffee\n  \+ tea"),
        cassette(path),
    ):
        await crew_with_tool(silent(), Counter()).kickoff_async(TOPIC)


async def test_other_inputs_are_shown(path: Path) -> None:
    with cassette(path):
        await one_task_crew(ScriptedModel("x")).kickoff_async(TOPIC)
    with (
        pytest.raises(CassetteError, match=r"(?s)no run of the crew 'crew' with these inputs.*inputs.topic:.*- tea"),
        cassette(path),
    ):
        await one_task_crew(silent()).kickoff_async({"topic": "coffee"})


CYCLE: dict[str, Any] = {}
CYCLE["itself"] = CYCLE
INPUTS = [float("nan"), (1, 2), {1: 2}, {(1, 2): 3}, CYCLE, b"x", "\ud800", object(), 10**30, Path("x"), KeyError]


@pytest.mark.parametrize("value", INPUTS, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("environment", [{}, {"SOME_KEY": "some-secret-1"}], ids=["no-secret", "secret"])
async def test_inputs_of_any_kind_find_their_run_again(
    path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], value: object
) -> None:
    monkeypatch.setattr(os, "environ", environment)
    for model in (ScriptedModel("x"), silent()):
        with cassette(path):
            assert (await one_task_crew(model).kickoff_async({"topic": "tea", "more": value})).raw == "x"


async def test_what_stands_in_a_set_is_written_in_order(path: Path) -> None:
    words = ["green", "black", "white", "oolong", "yellow"]
    with cassette(path):
        await one_task_crew(ScriptedModel("x")).kickoff_async({"topic": "tea", "kinds": set(words)})
    assert json.loads(path.read_text(encoding="utf-8"))["runs"][0]["inputs"]["kinds"] == sorted(words)


async def test_a_prompt_that_no_utf8_holds_is_replayed(path: Path) -> None:
    for model in (ScriptedModel("x"), silent()):
        with cassette(path):
            await one_task_crew(model).kickoff_async({"topic": "half a pair: \ud800"})
    assert "\\ud800" in path.read_text(encoding="utf-8")


async def test_a_step_that_was_not_recorded_is_named(path: Path) -> None:
    crew = one_task_crew(ScriptedModel("x"))
    with cassette(path):
        await crew.kickoff_async(TOPIC)
    agent = crew.agents[0]
    longer = Crew(agents=[agent], tasks=[*crew.tasks, task_for(agent, "And then?")])
    with (
        pytest.raises(CassetteError, match=r"(?s)run/task-1/turn-0/model .* was not recorded.*And then\?"),
        cassette(path),
    ):
        await longer.kickoff_async(TOPIC)


async def test_a_step_that_is_not_asked_for_any_more_is_named(path: Path) -> None:
    agent = agent_with(ScriptedModel("x", "y"))
    tasks = [task_for(agent), task_for(agent, "And then?")]
    with cassette(path):
        await Crew(agents=[agent], tasks=tasks).kickoff_async(TOPIC)
    with (
        pytest.raises(CassetteError, match=r"(?s)not asked for:\n  crew 'crew': run/task-1/turn-0/model"),
        cassette(path),
    ):
        await Crew(agents=[agent], tasks=tasks[:1]).kickoff_async(TOPIC)
    with cassette(path, allow_unused=True):
        await Crew(agents=[agent], tasks=tasks[:1]).kickoff_async(TOPIC)


async def test_what_a_batch_makes_a_failed_run_of_is_raised_at_the_end(path: Path) -> None:
    inputs = [{"topic": "tea"}, {"topic": "milk"}]
    with cassette(path):
        await one_task_crew(ScriptedModel(by=prompt)).kickoff_for_each_async(inputs)
    outcomes = []
    with pytest.raises(CassetteError, match="something else"), cassette(path):
        outcomes += await one_task_crew(silent(), "Change {topic}").kickoff_for_each_async(inputs)
    assert [outcome.ok for outcome in outcomes] == [False, False]


async def test_equal_runs_are_told_apart_by_their_number(path: Path) -> None:
    with cassette(path):
        first = await one_task_crew(ScriptedModel("one", "two")).kickoff_for_each_async([TOPIC, TOPIC])
    with cassette(path):
        again = await one_task_crew(silent()).kickoff_for_each_async([TOPIC, TOPIC])
    assert sorted(output.raw for output in again) == sorted(output.raw for output in first)
    assert len({output.raw for output in again}) == 2


async def test_runs_of_equal_names_are_told_apart_by_what_they_ask_in_any_order(path: Path) -> None:
    def crews(model: Callable[[], ScriptedModel]) -> list[Crew]:
        return [one_task_crew(model(), f"Work {number} on {{topic}}") for number in range(5)]

    async def answers(some: list[Crew]) -> list[str]:
        return [output.raw for output in await asyncio.gather(*(crew.kickoff_async(TOPIC) for crew in some))]

    with cassette(path):
        recorded = await answers(crews(lambda: ScriptedModel(by=prompt)))
    with cassette(path):
        assert await answers(crews(silent)[::-1]) == recorded[::-1]


class Tasting(Flow[dict[str, Any]]):
    def __init__(self, model: ScriptedModel) -> None:
        super().__init__()
        self.model = model

    @start()
    async def brew(self) -> str:
        return (await one_task_crew(self.model, "Brew").kickoff_async()).raw

    @listen(brew)
    def taste(self, brewed: str) -> str:
        return one_task_crew(self.model, f"Taste {brewed}").kickoff().raw


async def test_a_flow_is_one_run_with_those_inside_it(path: Path) -> None:
    with cassette(path):
        recorded = await Tasting(ScriptedModel("green", "bitter")).kickoff_async()
    with cassette(path):
        replayed = await Tasting(silent()).kickoff_async()
    assert replayed == recorded == "bitter"
    [run] = json.loads(path.read_text(encoding="utf-8"))["runs"]
    assert (run["kind"], run["name"]) == ("flow", "Tasting")
    assert [step["path"] for step in run["steps"]] == [
        "run/brew-0/run-0/task-0/turn-0/model",
        "run/taste-0/run-0/task-0/turn-0/model",
    ]


async def test_a_hierarchical_crew_is_replayed_with_its_delegations(path: Path) -> None:
    def crew(manager: ScriptedModel, worker: ScriptedModel) -> Crew:
        agent = agent_with(worker)
        task = Task(description="Have it done", expected_output="x")
        return Crew(agents=[agent], tasks=[task], process=Process.hierarchical, manager_llm=manager)

    asked = {"task": "Do it", "context": "now", "coworker": "Analyst"}
    manager = ScriptedModel(calls(("delegate_work_to_coworker", asked)), "It is done.")
    with cassette(path):
        recorded = await crew(manager, ScriptedModel("done")).kickoff_async()
    with cassette(path):
        replayed = await crew(silent(), silent()).kickoff_async()
    assert replayed.raw == recorded.raw == "It is done."
    assert len(manager.requests) == 2


async def test_a_single_agent_is_a_run_too(path: Path) -> None:
    with cassette(path):
        await agent_with(ScriptedModel("hello")).kickoff_async("Greet")
    with cassette(path):
        assert (await agent_with(silent()).kickoff_async("Greet")).raw == "hello"


async def test_a_crew_in_a_tool_is_a_part_of_that_tool(path: Path) -> None:
    @tool
    def look_up(key: str) -> str:
        """Ask another crew."""
        return one_task_crew(ScriptedModel("inner")).kickoff({"topic": key}).raw

    def crew(model: ScriptedModel) -> Crew:
        agent = agent_with(model, tools=[look_up])
        return Crew(agents=[agent], tasks=[task_for(agent)])

    with cassette(path):
        await crew(ScriptedModel(by=uses_tool)).kickoff_async(TOPIC)
    with cassette(path):
        assert (await crew(silent()).kickoff_async(TOPIC)).raw == "It says inner"
    assert len(json.loads(path.read_text(encoding="utf-8"))["runs"]) == 1


async def test_guardrails_and_callbacks_are_not_called_again(path: Path) -> None:
    called = Counter[str]()

    def guard(output: Any) -> tuple[bool, str]:
        called["guard"] += 1
        return (True, output.raw) if called["guard"] > 1 else (False, "once more")

    def told(output: Any) -> None:
        called["callback"] += 1

    def crew(model: ScriptedModel) -> Crew:
        agent = agent_with(model)
        return Crew(agents=[agent], tasks=[task_for(agent, guardrail=guard, callback=told)])

    with cassette(path):
        await crew(ScriptedModel("first", "second")).kickoff_async(TOPIC)
    before = Counter(called)
    with cassette(path):
        assert (await crew(silent()).kickoff_async(TOPIC)).raw == "second"
    assert called == before == {"guard": 2, "callback": 1}


async def test_what_json_cannot_hold_is_done_again(path: Path) -> None:
    def before(inputs: dict[str, Any]) -> dict[str, Any]:
        return {"topic": "tea", "when": object()}

    for model in (ScriptedModel(by=prompt), silent()):
        with cassette(path):
            crew = one_task_crew(model, before_kickoff_callbacks=[before])
            assert "tea" in (await crew.kickoff_async()).raw


async def test_an_output_file_is_written_in_a_replay_too(path: Path, tmp_path: Path) -> None:
    for number, model in enumerate([ScriptedModel("the report"), silent()]):
        agent = agent_with(model)
        task = task_for(agent, output_file=str(tmp_path / f"{number}.txt"))
        with cassette(path):
            await Crew(agents=[agent], tasks=[task]).kickoff_async(TOPIC)
    assert (tmp_path / "1.txt").read_text() == "the report"


@pytest.mark.parametrize(
    "error", [AuthenticationError("no", model="m", status=401), RateLimitError("slow", retry_after_s=3.0)]
)
async def test_an_error_is_replayed_as_what_it_was(path: Path, error: Exception) -> None:
    outcomes = []
    for model in (ScriptedModel(error), silent()):
        with cassette(path):
            [outcome] = await one_task_crew(model).kickoff_for_each_async([TOPIC])
        outcomes.append(outcome)
    recorded, replayed = outcomes
    assert (type(replayed.error), str(replayed.error)) == (type(recorded.error), str(recorded.error))
    assert {**vars(replayed.error), "others": ()} == {**vars(recorded.error), "others": ()}


async def test_an_error_of_a_callback_is_replayed(path: Path) -> None:
    def fails(output: Any) -> None:
        raise ValueError("not this one")

    messages = []
    for model in (ScriptedModel("x"), silent()):
        agent = agent_with(model)
        crew = Crew(agents=[agent], tasks=[task_for(agent, callback=fails)])
        with cassette(path):
            with pytest.raises(CallbackError) as caught:
                await crew.kickoff_async(TOPIC)
            messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert "ValueError('not this one')" in messages[0]


def test_a_deadline_cuts_the_same_step_off_again(path: Path) -> None:
    ends = []

    async def main(model: ScriptedModel) -> None:
        with pytest.raises(DeadlineExceededError):
            await one_task_crew(model).kickoff_async(TOPIC, options=RunOptions(deadline_s=5))
        ends.append(asyncio.get_running_loop().time())

    for model in (ScriptedModel("late", delay_s=9), silent()):
        with cassette(path):
            run_virtual(lambda model=model: main(model))
    assert ends == [5, 5]


def test_a_replay_on_virtual_time_takes_as_long_as_the_recording(path: Path) -> None:
    def log(model: FunctionModel) -> list[tuple[str, float]]:
        async def main() -> None:
            agent = agent_with(model)
            tasks = [task_for(agent, f"Task {number}", async_execution=True) for number in range(3)]
            await Crew(agents=[agent], tasks=tasks).kickoff_async()

        with recording() as events, cassette(path):
            run_virtual(main)
        return [(event.path, event.at_s) for event in events if isinstance(event, TaskCompleted)]

    async def slow(request: Request) -> str:
        delays = {"Task 0": 3.0, "Task 1": 1.0, "Task 2": 2.0}
        await asyncio.sleep(next(delay for name, delay in delays.items() if name in prompt(request)))
        return "done"

    async def never(request: Request) -> str:
        raise AssertionError("must not be asked")

    recorded = log(FunctionModel(slow))
    assert recorded == [("run/task-1", 1.0), ("run/task-2", 2.0), ("run/task-0", 3.0)]
    assert log(FunctionModel(never)) == recorded


async def test_another_model_is_another_question(path: Path) -> None:
    with cassette(path):
        await one_task_crew(ScriptedModel("x")).kickoff_async(TOPIC)
    with (
        pytest.raises(CassetteError, match=r"model:\n  - .*\.ScriptedModel auto \n  \+ .*\.FunctionModel auto"),
        cassette(path),
    ):
        await one_task_crew(FunctionModel(prompt)).kickoff_async(TOPIC)


async def test_in_real_time_a_replay_takes_no_time_unless_told_so(path: Path) -> None:
    with cassette(path):
        await one_task_crew(ScriptedModel("x", delay_s=0.02)).kickoff_async(TOPIC)
    loop, took_s = asyncio.get_running_loop(), []
    for in_real_time in (False, True):
        began_s = loop.time()
        with cassette(path, in_real_time=in_real_time):
            await one_task_crew(silent()).kickoff_async(TOPIC)
        took_s.append(loop.time() - began_s)
    assert took_s[1] >= 0.02


def test_who_replays_needs_no_key(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def kickoff() -> str:
        agent = agent_with(LLM("openai/gpt-4o-mini"))
        return Crew(agents=[agent], tasks=[task_for(agent)]).kickoff(TOPIC).raw

    with LoopbackProvider() as provider, monkeypatch.context() as patch:
        for name, value in provider.variables.items():
            patch.setenv(name, value)
        with cassette(path):
            recorded = kickoff()
    with cassette(path):
        assert kickoff() == recorded
    assert "OPENAI_API_KEY" not in os.environ
    with pytest.raises(MissingKeyError):
        kickoff()


async def test_a_key_that_is_set_during_a_replay_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    for model in (ScriptedModel("x"), silent()):
        with cassette(path) as used:
            await one_task_crew(model).kickoff_async(TOPIC)
            if used.replays:
                assert os.environ["OPENAI_API_KEY"]
                monkeypatch.setenv("OPENAI_API_KEY", "mine")
    assert os.environ["OPENAI_API_KEY"] == "mine"


def test_threads_that_carry_the_context_are_recorded_side_by_side(path: Path) -> None:
    raws: dict[bool, list[str]] = {True: [], False: []}

    def work(number: int, model: ScriptedModel, *, replays: bool) -> None:
        for turn in range(10):
            raws[replays].append(one_task_crew(model, f"Work {number} {turn} on {{topic}}").kickoff(TOPIC).raw)

    for model in (lambda: ScriptedModel(by=prompt), silent):
        with cassette(path) as used:
            threads = [
                threading.Thread(
                    target=copy_context().run, args=(partial(work, number, model(), replays=used.replays),)
                )
                for number in range(6)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert len(set(raws[False])) == 60
    assert sorted(raws[True]) == sorted(raws[False])


async def test_no_request_leaves_beside_a_replay(path: Path) -> None:
    with cassette(path):
        await one_task_crew(ScriptedModel("x")).kickoff_async(TOPIC)
    with (
        cassette(path, allow_unused=True),
        pytest.raises(ModelRequestForbiddenError, match="is being replayed, and this call is no step"),
    ):
        await LLM("openai/gpt-4o-mini").acall("hello")


async def test_an_error_of_a_class_of_ones_own_keeps_its_words(path: Path) -> None:
    class Own(Exception):
        pass

    errors = []
    for model in (ScriptedModel(Own("mine")), silent()):
        with cassette(path):
            [outcome] = await one_task_crew(model).kickoff_for_each_async([TOPIC])
        errors.append(outcome.error)
    assert isinstance(errors[0], TaskError)
    assert "Own: mine" in str(errors[1])
