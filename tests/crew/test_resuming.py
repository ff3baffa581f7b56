"""What a resumed input has of its callbacks, files and tool calls: the same as if it had never been cut off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aiocrew import Crew
from aiocrew.errors import BadRequestError
from aiocrew.tools.decorator import tool
from aiocrew.types.outputs import CrewOutput, Outcome
from tests.crew.scenes import agent_with, task_for
from tests.doubles import ScriptedModel, calls, prompt

POISON = BadRequestError("poisoned")


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "batch.sqlite"


def crew_of(first: ScriptedModel, second: ScriptedModel, *, callback: Any = None, **fields: Any) -> Crew:
    researcher, writer = agent_with(first, role="Researcher"), agent_with(second, role="Writer")
    tasks = [task_for(researcher, "Research {topic}", callback=callback), task_for(writer, "Write on {topic}")]
    return Crew(agents=[researcher, writer], tasks=tasks, **fields)


async def failed_and_retried(crew: Crew, journal: Path) -> Outcome:
    """Return the second outcome of an input whose second task fails the first time."""
    batch = [{"topic": "bees"}]
    assert [outcome.ok for outcome in await crew.kickoff_for_each_async(batch, journal=journal)] == [False]
    return (await crew.kickoff_for_each_async(batch, journal=journal, retry_failed=True))[0]


async def test_inputs_that_a_callback_changed_in_place_are_changed_when_the_run_is_resumed(journal):
    asked: list[dict[str, Any]] = []

    def shout(inputs: dict[str, Any]) -> None:
        asked.append(dict(inputs))
        inputs["topic"] = inputs["topic"].upper()

    first, second = ScriptedModel("facts"), ScriptedModel(POISON, "a text")
    outcome = await failed_and_retried(crew_of(first, second, before_kickoff_callbacks=[shout]), journal)
    assert outcome.ok
    assert len(first.requests) == 1
    assert "Write on BEES" in prompt(second.requests[1])
    assert asked == [{"topic": "bees"}], "the callback was not called again"


async def test_an_output_that_its_tasks_callback_changed_is_changed_when_the_run_is_resumed(journal):
    seen: list[str] = []

    def shout(output: Any) -> Any:
        seen.append(output.raw)
        output.raw = output.raw.upper()
        return output

    first, second = ScriptedModel("facts"), ScriptedModel(POISON, "a text")
    outcome = await failed_and_retried(crew_of(first, second, callback=shout), journal)
    assert [task.raw for task in outcome.tasks_output] == ["FACTS", "a text"]
    assert "FACTS" in prompt(second.requests[1])
    assert seen == ["facts"], "the callback was not called again"


@pytest.mark.parametrize("returns", [True, False], ids=["returned", "in place"])
async def test_an_output_that_the_crews_callback_changed_is_changed_when_the_run_is_resumed(journal, returns):
    fails = [True]

    def shout(output: CrewOutput) -> CrewOutput | None:
        output.raw = output.raw.upper()
        return output if returns else None

    def check(output: CrewOutput) -> None:
        if fails.pop():
            fails.append(False)
            raise ValueError(output.raw)

    crew = crew_of(ScriptedModel("facts"), ScriptedModel("a text"), after_kickoff_callbacks=[shout, check])
    outcome = await failed_and_retried(crew, journal)
    assert outcome.raw == "A TEXT"


async def test_without_inputs_a_callback_is_given_an_empty_dict_and_texts_stay_as_they_are():
    seen: list[Any] = []
    model = ScriptedModel("facts")
    agent = agent_with(model)
    crew = Crew(agents=[agent], tasks=[task_for(agent)], before_kickoff_callbacks=[lambda inputs: seen.append(inputs)])
    await crew.kickoff_async()
    assert seen == [{}]
    assert "Work on {topic}" in prompt(model.requests[0])


async def test_a_file_is_written_where_the_resumed_run_has_another_place_for_it(journal, tmp_path):
    crew = crew_of(ScriptedModel("facts"), ScriptedModel(POISON, "a text"))
    crew.tasks[0].output_file = str(tmp_path / "before.md")
    batch = [{"topic": "bees"}]
    await crew.kickoff_for_each_async(batch, journal=journal)
    (tmp_path / "before.md").unlink()
    crew.tasks[0].output_file = str(tmp_path / "after.md")
    await crew.kickoff_for_each_async(batch, journal=journal, retry_failed=True)
    assert (tmp_path / "after.md").read_text() == "facts"
    assert not (tmp_path / "before.md").exists()


async def test_a_tool_call_that_finished_is_not_repeated_when_the_tools_description_changed(journal):
    paid: list[str] = []
    batch = [{"topic": "bees"}]

    @tool
    def pay(to: str) -> str:
        """Pay somebody."""
        paid.append(to)
        return "paid"

    pay.idempotent = False
    agent = agent_with(ScriptedModel(calls(("pay", {"to": "Ada"})), POISON), tools=[pay])
    crew = Crew(agents=[agent], tasks=[task_for(agent)])
    await crew.kickoff_for_each_async(batch, journal=journal)
    pay.description = "Pay a person."
    agent.llm = model = ScriptedModel(calls(("pay", {"to": "Ada"})), "done")
    assert [outcome.raw for outcome in await crew.kickoff_for_each_async(batch, journal=journal)] == ["done"]
    assert len(model.requests) == 2, "the model reads the description, so it is asked again"
    assert paid == ["Ada"]


async def test_a_recorded_result_is_the_answer_as_soon_as_the_tool_says_so(journal):
    @tool
    def look(word: str) -> str:
        """Look a word up."""
        return f"found {word}"

    agent = agent_with(ScriptedModel(calls(("look", {"word": "bee"})), "an answer"), tools=[look])
    crew = Crew(agents=[agent], tasks=[task_for(agent)])
    batch = [{"topic": "bees"}]
    assert [outcome.raw for outcome in await crew.kickoff_for_each_async(batch, journal=journal)] == ["an answer"]
    look.result_as_answer = True
    assert [outcome.raw for outcome in await crew.kickoff_for_each_async(batch, journal=journal)] == ["found bee"]


async def test_half_a_surrogate_pair_does_not_fail_an_input_because_of_the_journal(journal):
    @tool
    def look(word: str) -> str:
        """Look a word up."""
        return word

    replies = [calls(("look", '{"word": "\ud800"}'), text="\ud800"), "an answer"]
    agent = agent_with(ScriptedModel(*replies), tools=[look])
    crew = Crew(agents=[agent], tasks=[task_for(agent)])
    outcomes = await crew.kickoff_for_each_async([{"topic": "\ud800"}], journal=journal)
    assert [outcome.raw for outcome in outcomes] == ["an answer"]


async def test_a_question_with_half_a_surrogate_pair_is_not_asked_again(journal):
    first, second = ScriptedModel("facts"), ScriptedModel(POISON, "a text")
    crew, batch = crew_of(first, second), [{"topic": "\ud800"}]
    assert not (await crew.kickoff_for_each_async(batch, journal=journal))[0].ok
    assert (await crew.kickoff_for_each_async(batch, journal=journal, retry_failed=True))[0].ok
    assert len(first.requests) == 1
