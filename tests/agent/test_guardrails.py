"""Guardrails: who has to agree to an answer, what they may change, and what becomes of an answer that they reject."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from aiocrew.aio.runtime import local_runtime
from aiocrew.crew.crew import Crew
from aiocrew.crew.task import Task
from aiocrew.errors import BlueprintError, CallbackError, GuardrailError, RateLimitError, UnusableReplyError
from aiocrew.seeing.recorder import recording
from aiocrew.tools.decorator import tool
from aiocrew.types.context import active_runtime
from aiocrew.types.events import LLMGuardrailCompleted, LLMGuardrailStarted
from aiocrew.types.messages import Assistant, Reply
from aiocrew.types.outputs import CrewOutput, TaskOutput
from tests.crew.scenes import agent_with, task_for
from tests.doubles import RecordingSteps, ScriptedModel, calls


class Report(BaseModel):
    title: str
    day: date = date(2026, 1, 2)


TEXT = '{"title": "Bees"}'
YES, NO = '{"valid": true, "feedback": ""}', '{"valid": false, "feedback": "name the author"}'


async def kickoff(model: Any, *guardrails: Any, agent: dict[str, Any] | None = None, **task: Any) -> CrewOutput:
    doer = agent_with(model, **(agent or {}))
    work: Task[Any] = task_for(doer, guardrails=list(guardrails), **task)
    return await Crew(agents=[doer], tasks=[work]).kickoff_async()


def short(output: TaskOutput) -> tuple[bool, Any]:
    return (True, output) if len(output.raw) < 10 else (False, f"{len(output.raw)} letters are too many")


async def signed(output: TaskOutput) -> tuple[bool, Any]:
    return (True, None) if "Ann" in output.raw else (False, "sign it")


# Agreeing and rejecting


class Patient:
    def accept(self, output: TaskOutput, *, kindly: bool = True) -> tuple[bool, Any]:
        return kindly, output

    async def __call__(self, output: TaskOutput) -> tuple[bool, Any]:
        return True, output


@pytest.mark.parametrize("wrong", [lambda: True, lambda output, reason: True, Patient.accept], ids=["0", "2", "self"])
def test_one_that_cannot_take_the_output_alone_is_refused_before_anything_is_asked(wrong: Any) -> None:
    for field in ({"guardrail": wrong}, {"guardrails": [short, wrong]}, {"guardrails": wrong}):
        with pytest.raises(
            ValueError, match=r"a guardrail takes one argument, an output; .*(lambda|accept).* does not"
        ):
            task_for(agent_with(ScriptedModel()), **field)
    with pytest.raises(ValueError, match="a guardrail takes one argument, an output"):
        agent_with(ScriptedModel(), guardrail=wrong)


@pytest.mark.parametrize("right", [Patient().accept, Patient(), bool, partial(Patient.accept, Patient()), print])
def test_methods_objects_and_builtins_are_guardrails_too(right: Any) -> None:
    assert task_for(agent_with(ScriptedModel()), guardrails=[right, "be kind"]).judges == [right, "be kind"]


@pytest.mark.parametrize("guardrail", [short, lambda output: asyncio.sleep(0, short(output)), lambda output: True])
async def test_what_is_accepted_is_the_output(guardrail: Any) -> None:
    assert (await kickoff(ScriptedModel("bees"), guardrail)).raw == "bees"


async def test_a_rejected_answer_is_given_anew_and_the_reason_is_told() -> None:
    model = ScriptedModel("bees and wasps", "bees")
    with recording() as events:
        assert (await kickoff(model, short)).raw == "bees"
    said, told = model.requests[1].messages[-2:]
    assert said == Assistant("bees and wasps")
    assert "14 letters are too many" in told.text
    verdicts = [(event.ok, event.reason) for event in events if isinstance(event, LLMGuardrailCompleted)]
    assert verdicts == [(False, "14 letters are too many"), (True, "")]
    assert len([event for event in events if isinstance(event, LLMGuardrailStarted)]) == 2


async def test_after_guardrail_max_retries_it_is_an_error_that_says_who_rejected_it_and_why() -> None:
    model = ScriptedModel(by=lambda _: "a text that is too long")
    with pytest.raises(
        GuardrailError, match=r"rejected the answer 3 times; the last reason: 23 letters.*agent 'Ana"
    ) as e:
        await kickoff(model, short, guardrail_max_retries=2)
    assert len(model.requests) == 3
    assert e.value.reason == "23 letters are too many"
    assert e.value.guardrail.endswith("test_guardrails.short")


async def test_without_retries_the_first_rejection_counts() -> None:
    model = ScriptedModel("a text that is too long")
    with pytest.raises(GuardrailError):
        await kickoff(model, short, guardrail_max_retries=0)


async def test_several_are_asked_in_their_order_each_with_what_the_one_before_made_of_the_answer() -> None:
    seen: list[str] = []

    def numbered(number: int) -> Any:
        def guardrail(output: TaskOutput) -> tuple[bool, Any]:
            seen.append(output.raw)
            return True, f"{output.raw}{number}"

        return guardrail

    assert (await kickoff(ScriptedModel("x"), *map(numbered, range(3)))).raw == "x012"
    assert seen == ["x", "x0", "x01"]


async def test_each_has_its_own_retries_and_a_new_answer_passes_all_of_them() -> None:
    model = ScriptedModel("far too long, Ann", "Bo", "far too long again", "Bob", "Ann")
    assert (await kickoff(model, short, signed, guardrail_max_retries=2)).raw == "Ann"
    told = [request.messages[-1].text for request in model.requests[1:]]
    assert [("letters" in text, "sign it" in text) for text in told] == [(1, 0), (0, 1), (1, 0), (0, 1)]


async def test_after_a_rejection_the_agent_may_use_its_tools_again() -> None:
    @tool
    async def look(at: str) -> str:
        """Look."""
        return "Ann"

    model = ScriptedModel("x", calls(("look", {"at": "x"})), "Ann")
    assert (await kickoff(model, signed, agent={"tools": [look], "max_iter": 1})).raw == "Ann"
    assert [request.tool_choice for request in model.requests] == ["auto", "auto", "none"]


# A rule in words


async def test_a_rule_in_words_is_judged_by_the_agents_model_without_its_tools() -> None:
    @tool
    async def look(at: str) -> str:
        """Look."""
        return at

    model = ScriptedModel("bees", NO, "bees, by Ann", YES)
    output = await kickoff(model, "names its author", agent={"tools": [look]})
    assert (output.raw, output.token_usage.successful_requests) == ("bees, by Ann", 4)
    judged = model.requests[1]
    assert judged.tools == ()
    assert judged.answer is not None
    assert "names its author" in judged.messages[-1].text
    assert "bees" in judged.messages[-1].text
    assert "name the author" in model.requests[2].messages[-1].text


async def test_rules_and_functions_may_stand_together() -> None:
    model = ScriptedModel("bees", YES)
    assert (await kickoff(model, short, "is about bees")).raw == "bees"


async def test_a_judge_that_gives_no_verdict_is_asked_a_few_times_and_then_named_an_error() -> None:
    model = ScriptedModel("bees", "hm", "hm", "hm")
    with pytest.raises(GuardrailError, match=r"nobody could judge by the guardrail 0 of task 'Work") as caught:
        await kickoff(model, "is good")
    assert isinstance(caught.value.__cause__, UnusableReplyError)
    assert model.requests[4:] == []

    model = ScriptedModel("bees", Reply("", refusal="I do not judge"))
    with pytest.raises(GuardrailError, match="I do not judge"):
        await kickoff(model, "is good")


async def test_a_judge_is_asked_in_the_words_of_the_models_own_templates() -> None:
    model = ScriptedModel("bees<end>", f"{YES}<end>")
    templates = {"system_template": "[{{ .System }}]", "prompt_template": "({{ .Prompt }})"}
    output = await kickoff(model, "ok", agent={**templates, "response_template": "{{ .Response }}<end>"})
    assert output.raw == "bees"
    (only,) = model.requests[1].messages
    assert only.text.startswith("[You are a careful examiner")


# What it may put in the answer's place


@pytest.mark.parametrize(
    ("value", "raw"),
    [
        ("other", "other"),
        (7, "7"),
        ({"a": [1, date(2026, 1, 2)]}, '{"a":[1,"2026-01-02"]}'),
        ([1, 2], "[1,2]"),
        (Report(title="Ants"), '{"title":"Ants","day":"2026-01-02"}'),
        (TaskOutput(raw="its own", description="d", agent="a"), "its own"),
        (None, "bees"),
    ],
)
async def test_a_value_takes_the_place_of_a_text(value: Any, raw: str) -> None:
    assert (await kickoff(ScriptedModel("bees"), lambda _: (True, value))).raw == raw


@pytest.mark.parametrize("returned", [lambda output: output, lambda output: None])
async def test_an_output_that_was_changed_in_place_counts(returned: Any) -> None:
    def guardrail(output: TaskOutput) -> tuple[bool, Any]:
        output.raw = output.raw.upper()
        return True, returned(output)

    assert (await kickoff(ScriptedModel("bees"), guardrail)).raw == "BEES"


async def test_an_output_that_was_changed_and_rejected_does_not() -> None:
    answers: list[str] = []

    def guardrail(output: TaskOutput) -> tuple[bool, Any]:
        assert isinstance(output.pydantic, Report)
        answers.append(output.pydantic.title)
        output.pydantic.title = "spoilt"
        return len(answers) > 1, "again"

    model = ScriptedModel(TEXT, TEXT)
    with pytest.raises(CallbackError, match="gave something that is no Report"):  # "again" is no report
        await kickoff(model, guardrail, output_pydantic=Report)
    assert answers == ["Bees", "Bees"]
    assert model.requests[1].messages[-2] == Assistant(TEXT)


STRUCTURED: list[tuple[Any, str, str]] = [
    ({"title": "Ants"}, '{"title":"Ants"}', "Ants"),
    (Report(title="Ants"), '{"title":"Ants","day":"2026-01-02"}', "Ants"),
    ('Here: {"title": "Ants"}', 'Here: {"title": "Ants"}', "Ants"),
    (TaskOutput(raw='{"title": "Ants"}', description="d", agent="a"), '{"title": "Ants"}', "Ants"),
    (None, TEXT, "Bees"),
]


@pytest.mark.parametrize(("value", "raw", "title"), STRUCTURED)
async def test_a_value_takes_the_place_of_an_instance(value: Any, raw: str, title: str) -> None:
    output = await kickoff(ScriptedModel(TEXT), lambda _: (True, value), output_pydantic=Report)
    assert (output.raw, output.pydantic) == (raw, Report(title=title))


async def test_an_instance_that_was_changed_in_place_counts_and_the_text_follows_it() -> None:
    def guardrail(output: TaskOutput) -> tuple[bool, Any]:
        assert isinstance(output.pydantic, Report)
        output.pydantic.title = "Ants"
        return True, output

    output = await kickoff(ScriptedModel(TEXT), guardrail, output_pydantic=Report)
    assert (output.raw, output.pydantic) == ('{"title":"Ants","day":"2026-01-02"}', Report(title="Ants"))


async def test_a_text_that_was_changed_in_place_is_read_anew() -> None:
    def guardrail(output: TaskOutput) -> tuple[bool, Any]:
        output.raw = '{"title": "Ants"}'
        return True, output

    for form, found in (("output_pydantic", "pydantic"), ("output_json", "json_dict")):
        output = await kickoff(ScriptedModel(TEXT), guardrail, **{form: Report})
        assert output.raw == '{"title": "Ants"}'
        assert output.to_dict()["title"] == "Ants"
        assert getattr(output, found) is not None


async def test_a_dict_that_was_changed_in_place_counts() -> None:
    def guardrail(output: TaskOutput) -> tuple[bool, Any]:
        assert output.json_dict is not None
        output.json_dict["title"] = "Ants"
        return True, output

    output = await kickoff(ScriptedModel(TEXT), guardrail, output_json=Report)
    assert output.json_dict == {"title": "Ants", "day": "2026-01-02"}


async def test_a_value_that_lacks_the_form_is_the_guardrails_fault() -> None:
    with pytest.raises(CallbackError, match=r"(?s)gave something that is no Report: .*title: Field required"):
        await kickoff(ScriptedModel(TEXT), lambda _: (True, {"name": "Ants"}), output_pydantic=Report)


# What goes wrong in it


async def test_one_that_raises_is_named() -> None:
    def broken(output: TaskOutput) -> tuple[bool, Any]:
        raise LookupError("no dictionary")

    model = ScriptedModel("bees")
    with pytest.raises(CallbackError, match=r"guardrail .*broken raised LookupError\('no dictionary'\)") as caught:
        await kickoff(model, broken)
    assert caught.value.callback.endswith("broken")
    assert isinstance(caught.value.__cause__, LookupError)
    assert len(model.requests) == 1


@pytest.mark.parametrize("returned", [None, "yes", (True,), (True, 1, 2), 1, {"ok": True}])
async def test_one_that_returns_no_verdict_is_told_what_a_verdict_is(returned: Any) -> None:
    with pytest.raises(BlueprintError, match=r"must return \(bool, value\), not "):
        await kickoff(ScriptedModel("bees"), lambda _: returned)


async def test_a_cancelled_run_ends_inside_a_guardrail() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def waits(output: TaskOutput) -> tuple[bool, Any]:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    task = asyncio.create_task(kickoff(ScriptedModel("bees"), waits))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
    assert len(asyncio.all_tasks()) == 1


# Side by side, and replayed


def crew_of_guarded_tasks() -> Crew:
    def model(request: Any) -> str:
        return YES if "keep to the rule" in request.messages[-1].text else f"bees {len(request.messages)}"

    def second(output: TaskOutput) -> tuple[bool, Any]:
        return (True, {"said": output.raw}) if output.raw.endswith("4") else (False, "once more")

    agent = agent_with(ScriptedModel(by=model))
    tasks = [task_for(agent, f"Task {n}", guardrails=[second, "is about bees"], async_execution=True) for n in range(3)]
    return Crew(agents=[agent], tasks=[*tasks, task_for(agent, "Last")])


async def carry_out(steps: RecordingSteps) -> list[str]:
    token = active_runtime.set(replace(local_runtime(), steps=steps))
    try:
        return [task.raw for task in (await crew_of_guarded_tasks().kickoff_async()).tasks_output]
    finally:
        active_runtime.reset(token)


async def test_verdicts_are_recorded_and_replayed_with_completions_in_another_order() -> None:
    first = RecordingSteps(order=random.Random(1))
    outputs = await carry_out(first)
    assert outputs[:3] == ['{"said":"bees 4"}'] * 3
    again = RecordingSteps(first.recorded, order=random.Random(2))
    assert await carry_out(again) == outputs
    assert sorted(again.paths) == sorted(first.paths)
    assert "run/task-0/turn-0/guardrail-0" in first.paths
    assert "run/task-2/turn-1/guardrail-1/turn-0/model" in first.paths


async def test_a_resumed_run_takes_a_verdict_only_for_the_answer_that_it_was_given_on(tmp_path: Path) -> None:
    judged: list[str] = []

    def judge(output: TaskOutput) -> tuple[bool, Any]:
        judged.append(output.raw)
        return True, output.raw.upper()

    async def outcome(first: ScriptedModel, *then: Any, version: str = "1", after: str = "Then") -> Any:
        @tool(version=version)
        async def look(at: str) -> str:
            """Look."""
            return f"{version} {at}"

        agent = agent_with(first, tools=[look])
        tasks = [task_for(agent, guardrail=judge), task_for(agent_with(ScriptedModel(*then)), after)]
        crew = Crew(agents=[agent], tasks=tasks)
        return (await crew.kickoff_for_each_async([{"topic": "x"}], journal=tmp_path / "j", retry_failed=True))[0]

    asked, slow = calls(("look", {"at": "bees"})), RateLimitError("slow")
    assert not (await outcome(ScriptedModel(asked, "old bees"), slow)).ok
    assert not (await outcome(ScriptedModel(), slow, after="Then what?")).ok
    assert judged == ["old bees"]
    done = await outcome(ScriptedModel("new bees"), "done", version="2")
    assert done.tasks_output[0].raw == "NEW BEES"
    assert judged == ["old bees", "new bees"]
