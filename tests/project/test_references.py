from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from aiocrew.agent.agent import Agent
from aiocrew.crew.task import Task
from aiocrew.errors import BlueprintError
from aiocrew.project import CrewBase, agent, callback, llm, output_json, output_pydantic, task, tool
from aiocrew.project.places import Entry, Places
from aiocrew.project.references import OF_AGENTS, OF_TASKS, resolved
from aiocrew.tools.decorator import tool as make_tool
from tests.doubles import ScriptedModel
from tests.project.projects import research_crew, write_config


@make_tool("Search")
def search_tool(query: str) -> str:
    """Search for it."""
    return query


class Parts:
    """Something of each kind."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    @llm
    def fast(self) -> str:
        return "offline/instant"

    @tool
    def search(self) -> Any:
        return search_tool

    @callback
    def made(self) -> Any:
        return lambda output: self.seen.append(("made", output))

    @callback
    async def direct(self, output: Any) -> None:
        self.seen.append(("direct", output))

    @output_pydantic
    class Report(BaseModel):
        text: str

    @output_json
    def table(self) -> Any:
        return Parts.Report

    @agent
    def analyst(self) -> Agent:
        return Agent(role="R", goal="G", backstory="B")

    @task
    def first(self) -> Task:
        return Task(description="D", expected_output="E")

    def undecorated(self) -> None: ...


def found(references: Any, project: Any = None, **values: Any) -> dict[str, Any]:
    entry = Entry("e", values, Places("c.yaml", {("e",): 1, **{("e", key): 2 for key in values}}))
    return resolved(entry, references, project or Parts())


def test_every_kind_of_reference_finds_what_its_method_gives() -> None:
    project = Parts()
    of_agent = found(
        OF_AGENTS, project, llm="fast", function_calling_llm="fast", tools=["search"], step_callback="made"
    )
    assert of_agent["llm"] == of_agent["function_calling_llm"] == "offline/instant"
    assert of_agent["tools"] == [search_tool]
    assert of_agent["step_callback"] is project.made()
    of_task = found(OF_TASKS, project, agent="analyst", context="first", output_pydantic="Report", output_json="table")
    assert of_task["agent"] is project.analyst()
    assert of_task["context"] == [project.first()]
    assert of_task["output_pydantic"] is of_task["output_json"] is Parts.Report
    assert found(OF_TASKS, project, callback="direct")["callback"] == project.direct


def test_a_text_for_llm_that_names_no_method_is_a_models_name() -> None:
    assert found(OF_AGENTS, llm="openai/gpt-4o-mini")["llm"] == "openai/gpt-4o-mini"


def test_what_is_no_text_stays() -> None:
    analyst = Agent(role="R", goal="G", backstory="B")
    entry = found(OF_TASKS, agent=analyst, tools=[search_tool], context=None)
    assert (entry["agent"], entry["tools"], entry["context"]) == (analyst, [search_tool], None)


async def test_several_callbacks_of_a_task_are_called_in_turn() -> None:
    project = Parts()
    entry = found(OF_TASKS, project, callback="direct", callbacks=["made", "direct"])
    assert "callbacks" not in entry
    await entry["callback"]("x")
    assert [name for name, _ in project.seen] == ["direct", "made", "direct"]


@pytest.mark.parametrize(
    ("references", "values", "message"),
    [
        (OF_TASKS, {"agent": "analist"}, "c.yaml:2: 'e.agent' names 'analist', and Parts has nothing of that name"),
        (OF_TASKS, {"agent": "analist"}, "decorated with @agent; did you mean 'analyst'?"),
        (OF_TASKS, {"context": ["first", "zzz"]}, "c.yaml:2: 'e.context[1]' names 'zzz'"),
        (OF_TASKS, {"context": ["zzz"]}, "decorated with @task; there is first"),
        (OF_TASKS, {"agent": "undecorated"}, "which Parts has, but not decorated with @agent"),
        (OF_AGENTS, {"cache_handler": "x"}, "it has nothing decorated with @cache_handler"),
        (
            OF_AGENTS,
            {"tools": ["analyst"]},
            "'e.tools[0]' names 'analyst', which Parts has, but not decorated with @tool",
        ),
        (OF_AGENTS, {"tools": 7}, "c.yaml:2: 'e.tools' must be a list of names"),
        (OF_TASKS, {"context": {"first": None}}, "c.yaml:2: 'e.context' must be a list of names"),
        (OF_TASKS, {"callbacks": True}, "c.yaml:2: 'e.callbacks' must be a list of names"),
        (OF_TASKS, {"callbacks": [1, "made"]}, "c.yaml:2: 'e.callbacks' takes names of callbacks, not 1"),
        (OF_TASKS, {"output_json": "Report"}, "which Parts has, but not decorated with @output_json"),
    ],
)
def test_a_name_that_leads_nowhere_is_told_with_its_place(references: Any, values: Any, message: str) -> None:
    with pytest.raises(BlueprintError, match=re.escape(message)):
        found(references, **values)


def test_a_wrong_name_in_a_file_is_told_with_file_line_and_key(tmp_path: Path) -> None:
    tasks = "research_task:\n  description: D\n  expected_output: E\n  agent: resercher\n"
    project = research_crew(write_config(tmp_path, tasks=tasks))()
    with pytest.raises(BlueprintError) as caught:
        project.crew()
    file = tmp_path / "config" / "tasks.yaml"
    assert str(caught.value) == (
        f"{file}:4: 'research_task.agent' names 'resercher', and ResearchCrew has nothing of that name "
        "decorated with @agent; did you mean 'researcher'?"
    )


def test_tasks_that_wait_for_each_other_are_told_so_with_both_places(tmp_path: Path) -> None:
    tasks = (
        "research_task: {description: D, expected_output: E, agent: researcher, context: [writing_task]}\n"
        "writing_task:\n  description: D\n  expected_output: E\n  context:\n    - research_task\n"
    )
    project = research_crew(write_config(tmp_path, tasks=tasks))()
    file = tmp_path / "config" / "tasks.yaml"
    with pytest.raises(BlueprintError) as caught:
        project.crew()
    assert str(caught.value) == (
        "ResearchCrew goes round in a circle: "
        f"research_task() needs writing_task() ({file}:1: 'research_task.context[0]'), "
        f"writing_task() needs research_task() ({file}:6: 'writing_task.context[0]')"
    )


def test_methods_are_called_when_an_entry_is_looked_up_and_not_before(tmp_path: Path) -> None:
    project = research_crew(write_config(tmp_path))(ScriptedModel())
    called: list[str] = []
    researcher = type(project).researcher

    class Watched(type(project)):  # type: ignore[misc]
        @agent
        def researcher(self) -> Agent:
            called.append("researcher")
            return researcher(self)

    watched = Watched()
    assert "research_task" in watched.tasks_config
    assert called == []
    assert watched.tasks_config["research_task"]["agent"] is watched.researcher()
    assert called == ["researcher"]


def test_an_agents_method_may_ask_for_a_model_that_another_one_makes(tmp_path: Path) -> None:
    model = ScriptedModel()

    @CrewBase
    class Asking:
        base_directory = write_config(tmp_path)

        @agent
        def researcher(self) -> Agent:
            return Agent(config=self.agents_config["researcher"], llm=self.my_llm())

        @llm
        def my_llm(self) -> ScriptedModel:
            return model

    assert Asking().researcher().llm is model


def test_a_missing_entry_is_told_with_the_nearest_and_is_a_key_error(tmp_path: Path) -> None:
    table = research_crew(write_config(tmp_path))().agents_config
    with pytest.raises(BlueprintError, match=r"agents\.yaml has no 'resercher'; did you mean 'researcher'\?"):
        table["resercher"]
    assert (table.get("zzz"), table.pop("zzz", 3), "writer" in table, len(table)) == (None, 3, True, 2)
    with pytest.raises(KeyError):
        del table["zzz"]
    assert [entry["backstory"] for entry in table.values()] == ["Careful.", "Quick."]
