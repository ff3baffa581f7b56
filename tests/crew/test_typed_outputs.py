"""`output.of(task)`: what one task gave, in the type that the task says."""

from __future__ import annotations

import asyncio
import copy
import pickle
from typing import Any

import pytest
from pydantic import BaseModel

from aiocrew.crew.conditional import ConditionalTask
from aiocrew.crew.crew import Crew
from aiocrew.crew.task import Task
from aiocrew.errors import BadRequestError, UsageError
from aiocrew.types.outputs import CrewOutput
from tests.crew.scenes import agent_with, task_for
from tests.doubles import ScriptedModel


class Report(BaseModel):
    title: str


SAID = '{"title": "Bees"}'


def rated(*answers: Any, **fields: Any) -> tuple[Crew, Task[Report], Task[str]]:
    """A crew of a task that gives a Report and one that gives text."""
    agent = agent_with(ScriptedModel(*answers))
    report, text = task_for(agent, "Report", output_pydantic=Report), task_for(agent, "Sum up", **fields)
    return Crew(agents=[agent], tasks=[report, text]), report, text


async def test_a_task_with_a_class_gives_its_instance_and_a_plain_one_its_text():
    crew, report, text = rated(SAID, "short")
    output = await crew.kickoff_async()
    assert output.of(report) == Report(title="Bees")
    assert output.of(text) == "short"


async def test_a_response_model_is_a_class_too():
    agent = agent_with(ScriptedModel(SAID))
    task = Task(description="Report", expected_output="x", agent=agent, response_model=Report)
    output = await Crew(agents=[agent], tasks=[task]).kickoff_async()
    assert output.of(task) == Report(title="Bees")


async def test_the_class_in_brackets_is_enough():
    agent = agent_with(ScriptedModel(SAID))
    task = Task[Report](description="Report", expected_output="x", agent=agent)
    output = await Crew(agents=[agent], tasks=[task]).kickoff_async()
    assert output.of(task) == output.pydantic == Report(title="Bees")


async def test_a_task_that_was_skipped_has_no_instance_and_an_empty_text():
    agent = agent_with(ScriptedModel("text"))
    fields = {"agent": agent, "expected_output": "x", "condition": lambda _: False}
    report = ConditionalTask[Report](description="Report", **fields)
    text = ConditionalTask(description="Sum up", **fields)
    output = await Crew(agents=[agent], tasks=[task_for(agent, "First"), report, text]).kickoff_async()
    assert output.of(text) == ""
    with pytest.raises(UsageError, match="task 'Report' was skipped: it has no Report"):
        output.of(report)


async def test_a_task_of_another_crew_is_refused():
    crew, report, _ = rated(SAID, "short")
    output = await crew.kickoff_async()
    stranger = task_for(agent_with(ScriptedModel()), "Report", output_pydantic=Report)
    with pytest.raises(UsageError, match="knows nothing of that task: give the very Task object"):
        output.of(stranger)
    assert output.of(report)


async def test_an_outcome_out_of_a_journal_knows_its_tasks(tmp_path):
    crew, report, text = rated(SAID, "short")
    for _ in range(2):
        outcome = (await crew.kickoff_for_each_async([{}], journal=tmp_path / "b.sqlite"))[0]
        assert (outcome.of(report), outcome.of(text)) == (Report(title="Bees"), "short")


async def test_a_failed_input_raises_its_error():
    crew, report, _ = rated(BadRequestError("down"))
    outcome = (await crew.kickoff_for_each_async([{}]))[0]
    with pytest.raises(BadRequestError, match="down"):
        outcome.of(report)


async def test_an_output_that_was_pickled_says_that_it_knows_no_tasks():
    crew, report, _ = rated(SAID, "short")
    output = await crew.kickoff_async()
    back = pickle.loads(pickle.dumps(output))
    assert back.pydantic == output.pydantic
    assert back.tasks_output == output.tasks_output
    with pytest.raises(UsageError, match="an output that was pickled has only its tasks_output"):
        back.of(report)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda output: output.model_copy(deep=True)])
async def test_a_copy_knows_the_tasks_themselves(copied):
    crew, report, _ = rated(SAID, "short")
    output = await crew.kickoff_async()
    assert copied(output).of(report) == Report(title="Bees")


async def test_an_output_that_a_callback_put_in_its_place_knows_the_tasks():
    crew, report, _ = rated(SAID, "short")

    def other(output: CrewOutput) -> CrewOutput:
        crew.tasks = []  # whatever becomes of the blueprint meanwhile
        return CrewOutput(raw="other", tasks_output=output.tasks_output)

    crew.after_kickoff_callbacks = [other]
    output = await crew.kickoff_async()
    assert (output.raw, output.of(report)) == ("other", Report(title="Bees"))


async def test_runs_at_once_have_outputs_of_their_own():
    crew, report, _ = rated()
    crew.agents[0].llm = ScriptedModel(by=lambda request: SAID if request.answer else "short")
    outputs = await asyncio.gather(*[crew.kickoff_async() for _ in range(20)])
    assert len({id(output.of(report)) for output in outputs}) == 20
