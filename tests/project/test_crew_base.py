from __future__ import annotations

import asyncio
import builtins
import importlib.util
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aiocrew.agent.agent import Agent
from aiocrew.crew.crew import Crew
from aiocrew.crew.task import Task
from aiocrew.errors import BlueprintError
from aiocrew.project import CrewBase, agent, crew, task
from tests.doubles import ScriptedModel, prompt
from tests.project.projects import AGENTS, research_crew, write_config

PROJECT = """
from aiocrew import Agent, Crew, Process, Task
from aiocrew.project import CrewBase, agent, crew, task

@CrewBase
class ResearchCrew():
    agents_config = 'config/agents.yaml'
    tasks_config = 'config/tasks.yaml'

    @agent
    def researcher(self) -> Agent:
        return Agent(config=self.agents_config['researcher'], llm='offline/instant', verbose=False)

    @task
    def research_task(self) -> Task:
        return Task(config=self.tasks_config['research_task'], agent=self.researcher())

    @crew
    def crew(self) -> Crew:
        return Crew(agents=self.agents, tasks=self.tasks, process=Process.sequential)
"""


def loaded(path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, path.stem, module)
    spec.loader.exec_module(module)
    return module


async def test_a_project_as_its_users_write_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    agents = "researcher:\n  role: >\n    {topic} researcher\n  goal: Find out\n  backstory: Careful.\n"
    write_config(tmp_path, agents)
    (tmp_path / "users_project.py").write_text(PROJECT)
    project = loaded(tmp_path / "users_project.py", monkeypatch).ResearchCrew
    output = await project().crew().kickoff_async(inputs={"topic": "cats"})
    assert output.tasks_output[0].agent == "cats researcher"
    assert output.tasks_output[0].name == "research_task"


async def test_texts_references_and_context_come_from_the_files(tmp_path: Path) -> None:
    model = ScriptedModel("facts", "text")
    built = research_crew(write_config(tmp_path))(model).crew()
    assert (await built.kickoff_async({"topic": "cats"})).raw == "text"
    assert "Look into cats" in prompt(model.requests[0])
    assert "facts" in prompt(model.requests[1])


async def test_instances_that_run_at_once_share_nothing(tmp_path: Path) -> None:
    project = research_crew(write_config(tmp_path))
    models = [ScriptedModel(f"facts {number}", f"text {number}", delay_s=0.001) for number in range(20)]
    instances = [project(model) for model in models]
    crews = [instance.crew() for instance in instances]
    outputs = await asyncio.gather(
        *(built.kickoff_async({"topic": f"topic {number}"}) for number, built in enumerate(crews))
    )
    assert [output.raw for output in outputs] == [f"text {number}" for number in range(20)]
    for number, model in enumerate(models):
        assert len(model.requests) == 2
        assert f"topic {number}" in prompt(model.requests[0])
        assert f"facts {number}" in prompt(model.requests[1])
    parts = [id(part) for built in crews for part in (*built.agents, *built.tasks)]
    assert len(set(parts)) == len(parts)


def test_what_one_instance_changes_no_other_sees(tmp_path: Path) -> None:
    project = research_crew(write_config(tmp_path))
    one, other = project(), project()
    one.agents_config["researcher"]["role"] = "Changed"
    one.agents_config["extra"] = {"role": "Extra"}
    assert one.researcher().role == "Changed"
    assert other.researcher().role == "{topic} researcher\n"
    assert "extra" not in other.agents_config


def test_crew_gives_one_crew_and_fills_agents_and_tasks(tmp_path: Path) -> None:
    project = research_crew(write_config(tmp_path))()
    built = project.crew()
    assert built is project.crew()
    assert [each.role for each in project.agents] == ["{topic} researcher\n", "Writer"]
    assert project.tasks == [project.research_task(), project.writing_task()]


def test_agents_and_tasks_are_there_before_crew_is_called(tmp_path: Path) -> None:
    project = research_crew(write_config(tmp_path))()
    assert project.agents == [project.researcher(), project.writer()]
    assert project.tasks is project.tasks


def test_the_class_stays_what_it_is(tmp_path: Path) -> None:
    class Written:
        """Says what it is."""

        agents_config = "somewhere.yaml"

    assert CrewBase(Written) is Written
    assert (Written.__doc__, Written.agents_config) == ("Says what it is.", "somewhere.yaml")
    with pytest.raises(BlueprintError, match="@CrewBase decorates a class"):
        CrewBase(lambda: None)  # type: ignore[arg-type]


def test_an_init_with_arguments_sees_the_configuration(tmp_path: Path) -> None:
    folder = write_config(tmp_path)

    @CrewBase
    @dataclass
    class Configured:
        name: str
        agents_config: Any = str(folder / "config/agents.yaml")

        def __post_init__(self) -> None:
            self.goal = self.agents_config["writer"]["goal"]

        def my_llm(self) -> str: ...

    assert Configured("x").goal == "Write about {topic}"


def test_dicts_take_the_place_of_files_and_stay_as_they_are() -> None:
    written = {"researcher": {"role": "R", "goal": "G", "backstory": "B", "llm": "offline/instant"}}

    @CrewBase
    class FromDicts:
        agents_config = written
        tasks_config = {"work": {"description": "Do", "expected_output": "Done", "agent": "researcher"}}

        @agent
        def researcher(self) -> Agent:
            return Agent(config=self.agents_config["researcher"])

        @task
        def work(self) -> Task:
            return Task(config=self.tasks_config["work"])

    project: Any = FromDicts()
    assert project.work().agent is project.researcher()
    project.agents_config["researcher"]["role"] = "Changed"
    assert written["researcher"]["role"] == "R"
    assert FromDicts.tasks_config["work"]["agent"] == "researcher"


def test_an_instance_may_name_another_file(tmp_path: Path) -> None:
    project = research_crew(write_config(tmp_path))()
    (tmp_path / "other.yaml").write_text("researcher: {role: R, goal: G, backstory: B}")
    project.agents_config = tmp_path / "other.yaml"
    assert list(project.agents_config) == ["researcher"]
    project.agents_config = "other.yaml"
    assert project.researcher().role == "R"


def test_subclasses_inherit_what_is_above_and_add_to_it(tmp_path: Path) -> None:
    above = research_crew(write_config(tmp_path))
    (tmp_path / "more.yaml").write_text(AGENTS + "editor: {role: Editor, goal: Edit, backstory: Old.}\n")

    class Undecorated(above):
        agents_config = "more.yaml"

        @agent
        def editor(self) -> Agent:
            return Agent(config=self.agents_config["editor"])

        @agent
        def researcher(self) -> Agent:
            return Agent(role="Mine", goal="Find out", backstory="Own.")

    @CrewBase
    class Decorated(Undecorated):
        @task
        def editing_task(self) -> Task:
            return Task(description="Edit", expected_output="Text", agent=self.editor())

    project = Decorated("offline/instant")
    assert [each.role for each in project.crew().agents] == ["Mine", "Writer", "Editor"]
    assert [each.name for each in project.crew().tasks] == ["research_task", "writing_task", "editing_task"]
    assert [each.role for each in above().crew().agents] == ["{topic} researcher\n", "Writer"]


def test_a_subclasss_own_hook_for_subclasses_still_runs(tmp_path: Path) -> None:
    seen: list[str] = []

    @CrewBase
    class Registered:
        def __init_subclass__(cls, label: str = "", **kwargs: Any) -> None:
            super().__init_subclass__(**kwargs)
            seen.append(label)

    class _Below(Registered, label="below"):
        pass

    assert seen == ["below"]


def test_a_subclass_in_another_folder_has_files_of_its_own_or_those_above(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b" / "config").mkdir(parents=True)
    above = research_crew(write_config(tmp_path / "a"))
    (tmp_path / "b" / "config" / "agents.yaml").write_text(AGENTS.replace("Writer", "Poet"))

    class Elsewhere(above):
        base_directory = tmp_path / "b"

    assert [each.role for each in Elsewhere().crew().agents] == ["{topic} researcher\n", "Poet"]


def test_a_file_that_is_not_there_matters_when_it_is_used() -> None:
    @CrewBase
    class WithoutFiles:
        tasks_config = None

        @agent
        def analyst(self) -> Agent:
            return Agent(role="R", goal="G", backstory="B", llm="offline/instant")

        @task
        def work(self) -> Task:
            return Task(description="Do", expected_output="Done", agent=self.analyst())

        @crew
        def crew(self) -> Crew:
            return Crew(agents=self.agents, tasks=self.tasks)

    project: Any = WithoutFiles()
    assert len(project.crew().tasks) == 1
    file = Path(__file__).parent / "config" / "agents.yaml"
    with pytest.raises(BlueprintError) as caught:
        project.agents_config["analyst"]
    assert str(caught.value).startswith(f"there is no file {file}, which WithoutFiles.agents_config names")
    with pytest.raises(BlueprintError, match=r"WithoutFiles\.tasks_config is None"):
        len(project.tasks_config)


def test_a_file_that_is_not_utf_8_is_refused_with_its_line(tmp_path: Path) -> None:
    project = research_crew(write_config(tmp_path))()
    file = tmp_path / "config" / "agents.yaml"
    file.write_bytes(b"researcher:\n  role: caf\xe9\n")
    with pytest.raises(BlueprintError) as caught:
        project.researcher()
    assert str(caught.value) == f"{file}:2: this is not UTF-8: save the file in that encoding"


def test_a_file_that_changed_is_read_anew_by_new_instances(tmp_path: Path) -> None:
    project = research_crew(write_config(tmp_path))
    assert project().writer().role == "Writer"
    (tmp_path / "config" / "agents.yaml").write_text(AGENTS.replace("Writer", "Author"))
    assert project().writer().role == "Author"


def test_without_pyyaml_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really_import = builtins.__import__

    def without_yaml(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == "yaml":
            raise ModuleNotFoundError("No module named 'yaml'", name="yaml")
        return really_import(name, *args, **kwargs)

    for name in [name for name in sys.modules if name.partition(".")[0] == "yaml"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "aiocrew.project.yaml_text", raising=False)
    monkeypatch.setattr(builtins, "__import__", without_yaml)
    project = research_crew(write_config(tmp_path))()
    with pytest.raises(BlueprintError, match=r'needs PyYAML: pip install "aiocrew\[yaml\]"'):
        project.researcher()


def test_importing_the_package_does_not_load_pyyaml() -> None:
    program = "import sys, aiocrew.project; print('yaml' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("False", "")
