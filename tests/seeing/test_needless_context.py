"""A task that was given another one's output, and used nothing of it in any run."""

from __future__ import annotations

import pytest

from aiocrew import Agent, Crew, Request, Task, observe
from aiocrew.seeing.report import Cause
from tests.doubles import ScriptedModel, on_virtual_time, prompt

FACTS = "Bumblebees navigate flowering meadows, carrying golden pollen between distant blossoms throughout mornings."
POEM = "The quiet harbour keeps its lanterns lit while tired sailors dream of snow and iron and bread."


@pytest.mark.parametrize(("written", "found"), [(POEM, True), (f"{POEM} Bumblebees hum.", False)])
def test_it_is_found_where_no_run_used_a_word_of_it(written: str, found: bool) -> None:
    def by(request: Request) -> str:
        return FACTS if prompt(request).startswith("Your task: Collect") else written

    agent = Agent(role="Poet", goal="Write", backstory="b", llm=ScriptedModel(by=by, delay_s=1.0))
    collect = Task(description="Collect facts on {topic}", expected_output="Facts", agent=agent)
    write = Task(description="Write a poem on harbours", expected_output="A poem", agent=agent)
    crew = Crew(agents=[agent], tasks=[collect, write])
    with observe() as seen:
        on_virtual_time(lambda: crew.kickoff_for_each_async([{"topic": n} for n in range(3)]))
    culprits = [(culprit.cause, culprit.lost_s, culprit.times) for culprit in seen.report().culprits]
    assert culprits == ([(Cause.NEEDLESS_CONTEXT, 1.0, 3)] if found else [])
