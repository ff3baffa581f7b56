"""human_input: a person reads an answer and may ask for another one, through whatever port the run was given."""

from __future__ import annotations

import asyncio
import random
import threading
from dataclasses import replace
from typing import Any, cast

import pytest

from aiocrew.aio.runtime import local_runtime
from aiocrew.crew.crew import Crew
from aiocrew.errors import BlueprintError, CallbackError, UsageError
from aiocrew.seeing.recorder import recording
from aiocrew.tools.decorator import tool
from aiocrew.types.context import RunOptions, active_runtime
from aiocrew.types.events import HumanFeedbackReceived, HumanFeedbackRequested
from aiocrew.types.messages import Assistant
from aiocrew.types.outputs import CrewOutput
from aiocrew.types.ports import Question
from tests.crew.scenes import agent_with, task_for
from tests.doubles import RecordingSteps, ScriptedModel, calls


class Person:
    """Says what it is to say, in order, and keeps what it was asked."""

    def __init__(self, *says: Any) -> None:
        self._says = list(says)
        self.asked: list[Question] = []

    async def ask(self, question: Question) -> str:
        self.asked.append(question)
        await asyncio.sleep(0)
        return self._says.pop(0)


def crew_with(model: Any, *, agent: dict[str, Any] | None = None, **task: Any) -> Crew:
    doer = agent_with(model, **(agent or {}))
    return Crew(agents=[doer], tasks=[task_for(doer, human_input=True, **task)], name="Office")


async def kickoff(model: Any, person: Any, **fields: Any) -> CrewOutput:
    return await crew_with(model, **fields).kickoff_async(options=RunOptions(human=person))


async def test_an_empty_line_lets_the_answer_stand() -> None:
    person = Person("  ")
    assert (await kickoff(ScriptedModel("bees"), person, name="Survey")).raw == "bees"
    (question,) = person.asked
    assert (question.crew, question.task, question.agent, question.answer) == ("Office", "Survey", "Analyst", "bees")
    assert question.path == "run/task-0/turn-0/human"


async def test_it_goes_on_until_the_person_is_content() -> None:
    person, model = Person("longer", "shorter", ""), ScriptedModel("bees", "many bees", "some bees")
    with recording() as events:
        output = await kickoff(model, person)
    assert output.raw == "some bees"
    assert [question.answer for question in person.asked] == ["bees", "many bees", "some bees"]
    assert model.requests[2].messages[-2] == Assistant("many bees")
    assert "A person read your answer and says: shorter" in model.requests[2].messages[-1].text
    heard = [event.feedback for event in events if isinstance(event, HumanFeedbackReceived)]
    asked = [event.answer for event in events if isinstance(event, HumanFeedbackRequested)]
    assert (heard, asked) == (["longer", "shorter", ""], ["bees", "many bees", "some bees"])


async def test_the_agent_may_use_its_tools_for_a_better_answer() -> None:
    @tool
    async def look(at: str) -> str:
        """Look."""
        return f"saw {at}"

    model = ScriptedModel("bees", calls(("look", {"at": "wasps"})), "bees and wasps")
    output = await kickoff(model, Person("and wasps?", ""), agent={"tools": [look]})
    assert output.raw == "bees and wasps"
    assert model.requests[2].messages[-1].text == "saw wasps"


async def test_a_person_sees_only_what_the_guardrails_let_pass() -> None:
    person = Person("again", "")
    model = ScriptedModel("too long", "bees", "ants, too", "ants")
    await kickoff(model, person, guardrail=lambda output: len(output.raw) < 5)
    assert [question.answer for question in person.asked] == ["bees", "ants"]


async def test_a_plain_method_may_block_in_its_thread() -> None:
    class Slow:
        def ask(self, question: Question) -> str:
            return "" if threading.current_thread() is not threading.main_thread() else "on the loop"

    assert (await kickoff(ScriptedModel("bees"), Slow())).raw == "bees"


async def test_a_run_inside_another_one_asks_the_same_person() -> None:
    inner = crew_with(ScriptedModel("inner", "inner, mended"))
    inner.name = "Inner"

    @tool
    async def have_done() -> str:
        """Have it done."""
        return (await inner.kickoff_async()).raw

    person = Person("mend it", "", "")
    output = await kickoff(ScriptedModel(calls(("have_done", {})), "outer"), person, agent={"tools": [have_done]})
    assert output.raw == "outer"
    assert [(question.crew, question.answer) for question in person.asked] == [
        ("Inner", "inner"),
        ("Inner", "inner, mended"),
        ("Office", "outer"),
    ]


async def test_a_port_that_raises_or_says_no_text_is_told_of() -> None:
    class Broken:
        async def ask(self, question: Question) -> str:
            raise LookupError("gone")

    with pytest.raises(CallbackError, match="the human's port raised LookupError"):
        await kickoff(ScriptedModel("bees"), Broken())
    with pytest.raises(BlueprintError, match=r"ask\(\) of the human's port must return a text, not None"):
        await kickoff(ScriptedModel("bees"), Person(None))


def test_what_is_no_port_is_refused_at_once() -> None:
    with pytest.raises(BlueprintError, match=r"human=.* must be an object with `async def ask"):
        RunOptions(human=cast("Any", object()))


async def test_without_a_port_and_a_terminal_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(UsageError, match=r"stdin is at its end or cannot be read.*RunOptions\(human=") as caught:
        await crew_with(ScriptedModel("bees")).kickoff_async()
    assert not isinstance(caught.value, CallbackError)


async def test_a_cancelled_run_waits_for_nobody() -> None:
    begun = asyncio.Event()

    class Silent:
        async def ask(self, question: Question) -> str:
            begun.set()
            await asyncio.Event().wait()
            raise AssertionError

    task = asyncio.create_task(kickoff(ScriptedModel("bees"), Silent()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(asyncio.all_tasks()) == 1


async def test_a_replay_asks_nobody_again() -> None:
    async def carry_out(steps: RecordingSteps, person: Person) -> str:
        token = active_runtime.set(replace(local_runtime(), steps=steps))
        try:
            return (await kickoff(ScriptedModel("bees", "more bees"), person)).raw
        finally:
            active_runtime.reset(token)

    first, nobody = RecordingSteps(order=random.Random(1)), Person()
    assert await carry_out(first, Person("more", "")) == "more bees"
    assert await carry_out(RecordingSteps(first.recorded, order=random.Random(2)), nobody) == "more bees"
    assert nobody.asked == []
