"""Answers in a form, through whole crews: instances, JSON, files, journals."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, computed_field

from aiocrew.agent.converter import Converter
from aiocrew.crew.conditional import ConditionalTask
from aiocrew.crew.crew import Crew
from aiocrew.crew.fingerprint import digest_of
from aiocrew.crew.process import Process
from aiocrew.crew.task import Task
from aiocrew.errors import BadRequestError, GuardrailError, JournalError, UnusableReplyError
from aiocrew.models.llm import LLM
from aiocrew.types.outputs import CrewOutput, OutputFormat
from tests.crew.scenes import agent_with, task_for
from tests.doubles import ScriptedModel, prompt


class Score(BaseModel):
    score: int


class Rating(BaseModel):
    score: int


class Note(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    day: date
    text: str = Field(alias="Text")

    @computed_field
    def length(self) -> int:
        return len(self.text)


def crew_of(*answers: Any, **fields: Any) -> Crew:
    """A crew of one task."""
    agent = agent_with(ScriptedModel(*answers))
    return Crew(agents=[agent], tasks=[task_for(agent, "Rate {topic}", **fields)])


async def output_of(*answers: Any, **fields: Any) -> CrewOutput:
    return await crew_of(*answers, **fields).kickoff_async({"topic": "bees"})


# What an output gives


@pytest.mark.parametrize("form", ["output_pydantic", "response_model"])
async def test_an_instance_is_the_output(form):
    output = await output_of('{"score": 4}', **{form: Score})
    assert output.pydantic == output.tasks_output[0].pydantic == Score(score=4)
    assert (output.raw, output.json_dict, output.to_dict(), output["score"]) == ('{"score": 4}', None, {"score": 4}, 4)
    assert str(output) == "score=4"
    with pytest.raises(ValueError, match="no JSON output"):
        _ = output.json


async def test_json_is_the_output():
    output = await output_of('{"score": 4}', output_json=Score)
    assert (output.pydantic, output.json_dict, output.json) == (None, {"score": 4}, '{"score": 4}')
    assert output.tasks_output[0].output_format is OutputFormat.JSON
    assert (output.tasks_output[0].json, output["score"], str(output)) == ('{"score": 4}', 4, "{'score': 4}")


async def test_plain_text_has_no_json():
    output = await output_of("four")
    assert (output.pydantic, output.json_dict, output.to_dict()) == (None, None, {})
    for what in (output, output.tasks_output[0]):
        with pytest.raises(ValueError, match="has no JSON output: give it output_json"):
            _ = what.json


async def test_the_class_of_the_models_own_response_format_is_kept_to(tmp_path):
    llm = LLM("offline/instant", response_format=Score)
    agent = agent_with(llm)
    crew, journal = Crew(agents=[agent], tasks=[task_for(agent)]), tmp_path / "b.sqlite"
    for _ in range(2):  # run, and out of the journal
        outcome = (await crew.kickoff_for_each_async([{"topic": "bees"}], journal=journal))[0]
        assert isinstance(outcome.pydantic, Score)


async def test_the_next_task_is_told_the_answers_text():
    model = ScriptedModel('{"score": 4}', '{"score": 5}')
    agent = agent_with(model)
    tasks = [task_for(agent, "Rate", output_pydantic=Score), task_for(agent, "Rate again", output_pydantic=Score)]
    output = await Crew(agents=[agent], tasks=tasks).kickoff_async()
    assert '{"score": 4}' in prompt(model.requests[1])
    assert output.pydantic == Score(score=5)


async def test_what_does_not_fit_goes_back_to_the_model():
    crew = crew_of("well", '{"score": "high"}', '{"score": 4}', output_pydantic=Score)
    assert (await crew.kickoff_async()).pydantic == Score(score=4)
    told = [request.messages[-1].text for request in crew.agents[0].llm.requests]
    assert "no JSON object" in told[1]
    assert "score: Input should be a valid integer" in told[2]


async def test_an_answer_that_never_fits_fails_the_task():
    agent = agent_with(ScriptedModel(by=lambda _: "well"), max_retry_limit=0)
    crew = Crew(agents=[agent], tasks=[task_for(agent, output_pydantic=Score)])
    with pytest.raises(UnusableReplyError, match="no JSON object"):
        await crew.kickoff_async({"topic": "bees"})


async def test_a_manager_is_held_to_the_form():
    agent = agent_with(ScriptedModel())
    task = Task(description="Rate", expected_output="x", output_json=Score)
    manager = ScriptedModel("well", '{"score": 4}')
    crew = Crew(agents=[agent], tasks=[task], process=Process.hierarchical, manager_llm=manager)
    assert (await crew.kickoff_async()).json_dict == {"score": 4}


async def test_a_converter_makes_the_instance():
    class Counting(Converter):
        def to_pydantic(self, current_attempt: int = 1) -> BaseModel:
            return self.model(score=len(self.text))

    output = await output_of("four", output_pydantic=Score, converter_cls=Counting)
    assert (output.raw, output.pydantic) == ("four", Score(score=4))


async def test_the_crews_function_calling_llm_serves_agents_that_have_none():
    scribe = ScriptedModel('{"score": 4}')
    crew = crew_of("It is a four.", output_pydantic=Score)
    crew.function_calling_llm = scribe
    assert (await crew.kickoff_async()).pydantic == Score(score=4)
    assert len(scribe.requests) == 1


async def test_a_guardrail_is_shown_the_instance_and_may_take_another_ones_place():
    def no_less_than_two(output: Any) -> tuple[bool, Any]:
        score = output.pydantic.score
        return (False, "give at least 1") if score < 1 else (True, Score(score=max(score, 2)))

    output = await output_of('{"score": 0}', '{"score": 1}', output_pydantic=Score, guardrail=no_less_than_two)
    assert (output.pydantic, json.loads(output.raw)) == (Score(score=2), {"score": 2})
    with pytest.raises(GuardrailError, match="give at least 1"):
        await output_of('{"score": 0}', output_pydantic=Score, guardrail=no_less_than_two, guardrail_max_retries=0)


async def test_markdown_is_asked_for_in_the_prompt_only():
    model = ScriptedModel("# Bees")
    agent = agent_with(model)
    output = await Crew(agents=[agent], tasks=[task_for(agent, markdown=True)]).kickoff_async({"topic": "bees"})
    assert "Markdown" in prompt(model.requests[0])
    assert output.raw == "# Bees"


@pytest.mark.parametrize("forms", [("output_json", "output_pydantic"), ("output_pydantic", "response_model")])
def test_a_task_has_one_form(forms):
    with pytest.raises(ValueError, match=f"one form of output: leave out all but one of {', '.join(forms)}"):
        task_for(agent_with(ScriptedModel()), **dict.fromkeys(forms, Score))


# Files


@pytest.mark.parametrize("form", ["output_pydantic", "output_json"])
async def test_a_file_holds_json_where_the_task_has_a_form(form, tmp_path):
    said = 'Here you are:\n```json\n{"day": "2024-01-02", "Text": "naïve"}\n```'
    target = tmp_path / "new" / "note.json"
    await output_of(said, output_file=str(target), **{form: Note})
    written = json.loads(target.read_text(encoding="utf-8"))
    assert written == {"day": "2024-01-02", "text": "naïve", "length": 5}
    assert "naïve" in target.read_text(encoding="utf-8")


async def test_a_file_holds_what_the_callback_made_of_the_output(tmp_path):
    def double(output: Any) -> None:
        output.pydantic.score *= 2

    await output_of('{"score": 4}', output_pydantic=Score, output_file=str(tmp_path / "x.json"), callback=double)
    assert json.loads((tmp_path / "x.json").read_text()) == {"score": 8}


async def test_half_a_surrogate_pair_in_an_instance_loses_no_file(tmp_path):
    def spoil(output: Any) -> None:
        output.pydantic = Rated(words="a\ud800b")

    class Rated(BaseModel):
        words: str

    await output_of('{"words": "x"}', output_pydantic=Rated, output_file=str(tmp_path / "x.json"), callback=spoil)
    assert "a" in (tmp_path / "x.json").read_text()


# Journals


async def resumed(crew: Crew, journal: Any) -> Any:
    """Return the outcome of an input whose second task fails the first time."""
    batch = [{"topic": "bees"}]
    assert not (await crew.kickoff_for_each_async(batch, journal=journal))[0].ok
    return (await crew.kickoff_for_each_async(batch, journal=journal, retry_failed=True))[0]


async def test_instances_come_back_out_of_a_journal(tmp_path):
    said = '{"day": "2024-01-02", "Text": "hello"}'
    crew, batch = crew_of(said, output_pydantic=Note), [{"topic": "bees"}]
    outcomes = [(await crew.kickoff_for_each_async(batch, journal=tmp_path / "b.sqlite"))[0] for _ in range(2)]
    assert outcomes[0].pydantic == outcomes[1].pydantic == Note(day=date(2024, 1, 2), Text="hello")
    assert outcomes[1].pydantic is outcomes[1].tasks_output[0].pydantic
    assert outcomes[1].json_dict is None


async def test_equal_fields_of_several_tasks_are_not_mixed_up_in_a_journal(tmp_path):
    agent = agent_with(ScriptedModel(*['{"score": 4}'] * 3))
    forms = [{"output_pydantic": Rating}, {"output_json": Score}]
    for last, (pydantic, json_dict) in enumerate([(Rating(score=4), None), (None, {"score": 4})]):
        order = [forms[1 - last], {"output_pydantic": Score}, forms[last]]
        model = ScriptedModel(*['{"score": 4}'] * 3)
        agent = agent_with(model)
        skipped = ConditionalTask(description="S", expected_output="x", agent=agent, condition=lambda _: False)
        tasks = [*(task_for(agent, f"T{n}", **form) for n, form in enumerate(order)), skipped]
        crew = Crew(agents=[agent], tasks=tasks)
        for _ in range(2):
            outcome = (await crew.kickoff_for_each_async([{}], journal=tmp_path / f"{last}.sqlite"))[0]
            assert (outcome.pydantic, outcome.json_dict) == (pydantic, json_dict)
            assert [type(task.pydantic) for task in outcome.tasks_output].count(Score) == 1
        assert len(model.requests) == 3


async def test_an_instance_that_a_callback_changed_in_place_is_changed_when_the_run_is_resumed(tmp_path):
    def double(output: Any) -> None:
        output.pydantic.score *= 2

    agent = agent_with(ScriptedModel('{"score": 4}', BadRequestError("down"), "a text"))
    tasks = [task_for(agent, "T0", output_pydantic=Score, callback=double), task_for(agent, "T1")]
    outcome = await resumed(Crew(agents=[agent], tasks=tasks), tmp_path / "b.sqlite")
    assert outcome.tasks_output[0].pydantic == Score(score=8)


async def test_a_class_that_does_not_take_what_was_recorded_ends_the_batch_in_words(tmp_path):
    def picky(limit: int) -> type[BaseModel]:
        class Picky(BaseModel):
            score: int

            def model_post_init(self, context: Any) -> None:
                if self.score > limit:
                    raise ValueError(f"above {limit}")

        return Picky

    journal, batch = tmp_path / "b.sqlite", [{"topic": "bees"}]
    await crew_of('{"score": 4}', output_pydantic=picky(5)).kickoff_for_each_async(batch, journal=journal)
    with pytest.raises(JournalError, match="outcome of input 0 that its task's class does not take"):
        await crew_of(output_pydantic=picky(3)).kickoff_for_each_async(batch, journal=journal)


class Wider(BaseModel):
    score: int
    why: str = ""


def changed(**fields: Any) -> bytes:
    agent = agent_with(ScriptedModel(), **fields.pop("agent", {}))
    of_crew = {"process": fields.pop("process", "sequential"), **fields.pop("crew", {})}
    others = [agent_with(ScriptedModel(), role="Other")]
    return digest_of(Crew(agents=[agent, *others], tasks=[task_for(agent, **fields)], **of_crew), {"topic": "bees"})


LED = {"process": "hierarchical"}


def converter_of(name: str) -> type[Converter]:
    return type(name, (Converter,), {})


@pytest.mark.parametrize(
    "fields",
    [
        {"output_pydantic": Score},
        {"output_pydantic": Wider},
        {"output_json": Score},
        {"output_pydantic": Score, "converter_cls": converter_of("One")},
        {"output_pydantic": Score, "converter_cls": converter_of("Two")},
        {"guardrail": "be short"},
        {"guardrail": "be long"},
        {"guardrails": ["be short", "be long"]},
        {"guardrail": agent_with},
        {"human_input": True},
        {"markdown": True},
        {"agent": {"allow_delegation": True}},
        {"agent": {"function_calling_llm": "offline/instant"}},
        {"agent": {"system_template": "{{ .System }}"}},
        {"agent": {"llm": LLM("offline/instant")}},
        {"agent": {"llm": LLM("offline/instant", response_format=Score)}},
        {"crew": {"function_calling_llm": "offline/instant"}},
        {**LED, "crew": {"manager_llm": "offline/instant"}},
        {**LED, "crew": {"manager_llm": "offline/instant", "function_calling_llm": "offline/instant"}},
        {**LED, "crew": {"manager_llm": LLM("offline/instant", response_format=Score)}},
        {**LED, "crew": {"manager_agent": agent_with(ScriptedModel(), role="Boss")}},
        {**LED, "crew": {"manager_agent": agent_with(ScriptedModel(), role="Chief")}},
    ],
    ids=str,
)
def test_what_is_asked_is_in_the_digest(fields):
    seen = DIGESTS.setdefault(str(fields), changed(**fields))
    assert seen == changed(**fields), "the same again gives the same"
    assert seen != changed()
    assert list(DIGESTS.values()).count(seen) == 1


DIGESTS: dict[str, bytes] = {}


@pytest.mark.parametrize(
    "fields",
    [{"output_file": "x.md"}, {"callback": print}, {"guardrail_max_retries": 9}, {"agent": {"max_iter": 3}}],
    ids=str,
)
def test_what_is_not_asked_is_not_in_the_digest(fields):
    assert changed(**fields) == changed()
