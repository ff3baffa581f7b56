from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from aiocrew.agent.agent import Agent
from aiocrew.crew.task import Task
from aiocrew.errors import BlueprintError, NotBuiltError
from aiocrew.project import CrewBase, agent, output_json, output_pydantic, task
from aiocrew.project.places import Entry, Key, Places
from aiocrew.types.blueprint import AiocrewWarning


def analyst_of(tmp_path: Path, more: str, **in_code: Any) -> Any:
    """Return a function that builds an agent of a file whose line 5 and the following are `more`."""
    text = f"analyst:\n  role: Analyst\n  goal: Find out\n  backstory: Careful.\n{more}"
    (tmp_path / "agents.yaml").write_text(text)

    @CrewBase
    class Project:
        agents_config: Any = tmp_path / "agents.yaml"

        @agent
        def analyst(self) -> Agent:
            return Agent(config=self.agents_config["analyst"], **in_code)

    return Project().analyst


def test_a_value_that_an_agent_refuses_is_told_with_file_line_and_key(tmp_path: Path) -> None:
    with pytest.raises(BlueprintError) as caught:
        analyst_of(tmp_path, "  verbose: true\n  max_iter: 0\n")()
    assert str(caught.value) == (
        f"{tmp_path / 'agents.yaml'}:6: 'analyst.max_iter': Input should be greater than or equal to 1"
    )
    assert isinstance(caught.value.__cause__, ValidationError)


def test_several_refused_values_are_told_together(tmp_path: Path) -> None:
    with pytest.raises(BlueprintError) as caught:
        analyst_of(tmp_path, "  max_iter: 0\n  cache: maybe\n")()
    assert ":5: 'analyst.max_iter': " in str(caught.value)
    assert ":6: 'analyst.cache': " in str(caught.value)


def test_a_field_that_is_missing_is_told_at_its_entry(tmp_path: Path) -> None:
    (tmp_path / "agents.yaml").write_text("other:\n\nanalyst:\n  role: R\n  goal: G\n")

    @CrewBase
    class Project:
        agents_config: Any = tmp_path / "agents.yaml"

        @agent
        def analyst(self) -> Agent:
            return Agent(config=self.agents_config["analyst"])

        @agent
        def other(self) -> Agent:
            return Agent(config=self.agents_config["other"])

    with pytest.raises(BlueprintError, match=r"agents\.yaml:3: 'analyst' lacks 'backstory', which every Agent needs"):
        Project().analyst()
    with pytest.raises(BlueprintError, match=r"agents\.yaml:1: 'other' lacks 'role'"):
        Project().other()


def test_a_text_in_braces_without_quotes_is_explained(tmp_path: Path) -> None:
    (tmp_path / "agents.yaml").write_text("analyst:\n  role: {topic}\n  goal: G\n  backstory: B\n")

    @CrewBase
    class Project:
        agents_config: Any = tmp_path / "agents.yaml"

        @agent
        def analyst(self) -> Agent:
            return Agent(config=self.agents_config["analyst"])

    with pytest.raises(BlueprintError, match=r"yaml:2: 'analyst.role': .* a text that begins with '\{' needs quotes"):
        Project().analyst()


def test_an_entry_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    (tmp_path / "agents.yaml").write_text("analyst: An analyst\n")

    @CrewBase
    class Project:
        agents_config: Any = tmp_path / "agents.yaml"

    with pytest.raises(BlueprintError, match=r"agents\.yaml:1: 'analyst' is a text; it must be a mapping"):
        Project().agents_config["analyst"]


def test_a_field_that_is_not_built_is_told_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(NotBuiltError, match=r"'multimodal' \(.*agents\.yaml:5\)"):
        analyst_of(tmp_path, "  multimodal: true\n")()


def test_a_field_that_nobody_knows_is_warned_of_with_its_place(tmp_path: Path) -> None:
    with pytest.warns(AiocrewWarning, match=r"no field 'max_itr' \(.*agents\.yaml:5\), it is ignored; did you mean"):
        analyst_of(tmp_path, "  max_itr: 3\n")()


def test_what_code_gave_wrongly_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        analyst_of(tmp_path, "  max_iter: 3\n", max_iter=0)()


def test_what_a_task_refuses_as_a_whole_is_told_at_its_entry(tmp_path: Path) -> None:
    (tmp_path / "tasks.yaml").write_text(
        "work:\n  description: D\n  expected_output: E\n  output_json: Report\n  output_pydantic: Report\n"
    )

    @CrewBase
    class Project:
        tasks_config: Any = tmp_path / "tasks.yaml"

        @output_json
        @output_pydantic
        class Report(BaseModel):
            text: str

        @task
        def work(self) -> Task:
            return Task(config=self.tasks_config["work"])

    with pytest.raises(BlueprintError, match=r"tasks\.yaml:1: 'work': a task has one form of output"):
        Project().work()


def test_the_errors_of_other_models_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "agents.yaml").write_text("analyst: {role: R}\n")

    class Own(BaseModel):
        missing: str

    @CrewBase
    class Project:
        agents_config: Any = tmp_path / "agents.yaml"

        @agent
        def analyst(self) -> Any:
            return Own(**self.agents_config["analyst"])

    with pytest.raises(ValidationError, match="1 validation error for Own"):
        Project().analyst()


def test_a_key_is_a_text_like_any_other() -> None:
    key = Key("role", "a.yaml:1")
    assert (key, hash(key), f"{key}", {key: 1}["role"]) == ("role", hash("role"), "role", 1)
    assert repr(key) == "'role' (a.yaml:1)"
    for copied in (copy.deepcopy(key), pickle.loads(pickle.dumps(key))):
        assert repr(copied) == repr(key)


def test_an_entry_is_a_dict_and_shows_as_one() -> None:
    entry = Entry("analyst", {"role": "R"}, Places("a.yaml", {("analyst",): 1, ("analyst", "role"): 2}))
    assert entry == {"role": "R"}
    assert repr(entry) == "{'role': 'R'}"
    assert (entry.place(), entry.place("role"), entry.place("tools", 0)) == (
        "a.yaml:1: 'analyst'",
        "a.yaml:2: 'analyst.role'",
        "a.yaml:1: 'analyst.tools[0]'",
    )
    assert repr(copy.deepcopy(entry)) == repr(entry)
