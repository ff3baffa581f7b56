from __future__ import annotations

import copy
import pickle
import threading
from typing import Any

import pytest
from pydantic import BaseModel

from aiocrew.agent.agent import Agent
from aiocrew.crew.crew import Crew
from aiocrew.crew.task import Task
from aiocrew.errors import BlueprintError
from aiocrew.project import after_kickoff, agent, before_kickoff, callback, crew, llm, output_pydantic, task
from tests.doubles import ScriptedModel


class Plain:
    """Decorated methods without @CrewBase."""

    def __init__(self, model: Any = None) -> None:
        self.model = model
        self.made = 0

    @agent
    def analyst(self) -> Agent:
        self.made += 1
        return Agent(role="Analyst", goal="Find out", backstory="Careful.", llm=self.model)

    @agent
    def numbered(self, number: Any, *, loud: bool = False) -> Agent:
        return Agent(role=f"Analyst {number}", goal="Find out", backstory="Careful.")

    @task
    def first(self) -> Task:
        return Task(description="Do it", expected_output="Done", agent=self.analyst())

    @task
    def second(self) -> Task:
        return Task(description="Do it again", expected_output="Done", agent=self.analyst(), name="Custom")

    @crew
    def crew(self) -> Crew:
        return Crew(agents=self.agents, tasks=self.tasks, before_kickoff_callbacks=[lambda inputs: inputs])


class WithNumbered(Plain):
    numbered = None  # type: ignore[assignment]


def test_a_method_makes_one_object_for_an_instance() -> None:
    project = Plain()
    assert project.analyst() is project.analyst()
    assert project.first().agent is project.second().agent is project.analyst()
    assert project.made == 1


def test_another_instance_has_its_own() -> None:
    assert Plain().analyst() is not Plain().analyst()


def test_other_arguments_make_another_object() -> None:
    project = Plain()
    assert project.numbered(1) is project.numbered(1)
    assert project.numbered(1) is not project.numbered(2)
    assert project.numbered(1) is not project.numbered(True)
    assert project.numbered(1) is not project.numbered(1, loud=True)
    assert project.numbered([1]) is not project.numbered([1])  # what has no hash is not kept


def test_a_task_bears_its_methods_name_unless_it_has_one() -> None:
    assert (Plain().first().name, Plain().second().name) == ("first", "Custom")


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda project: pickle.loads(pickle.dumps(project))], ids=str
)
def test_a_copy_of_an_instance_makes_its_own(copied: Any) -> None:
    project = Plain()
    other = copied(project) if copied in (copy.copy, copy.deepcopy) else copied(Plain())
    project.analyst()
    assert other.analyst() is not project.analyst()
    assert other.analyst() is other.analyst()


def test_a_copy_of_an_instance_that_has_made_something_starts_anew() -> None:
    project = Plain()
    project.analyst()
    for other in (copy.copy(project), copy.deepcopy(project)):
        assert other.analyst() is not project.analyst()


def test_threads_get_the_same_object() -> None:
    project, start = Plain(), threading.Barrier(8)
    found: list[Agent] = []

    def ask() -> None:
        start.wait()
        found.append(project.analyst())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(each) for each in found}) == 1
    assert project.analyst() is found[0]


async def test_a_crew_has_agents_and_tasks_in_order_of_definition_without_crew_base() -> None:
    project = WithNumbered(ScriptedModel("one", "two"))
    built = project.crew()
    assert [each.role for each in built.agents] == ["Analyst"]
    assert [each.name for each in built.tasks] == ["first", "Custom"]
    assert (await built.kickoff_async()).raw == "two"


def test_an_overriding_method_may_call_the_one_above() -> None:
    class Louder(WithNumbered):
        @agent
        def analyst(self) -> Agent:
            made = super().analyst()
            made.verbose = True
            return made

    project = Louder()
    assert project.analyst().verbose
    assert project.analyst() is project.analyst()


def test_the_agent_that_a_task_made_for_itself_is_in_the_crew() -> None:
    class Inline(WithNumbered):
        @task
        def third(self) -> Task:
            own = Agent(role="Guest", goal="Help", backstory="Kind.")
            return Task(description="Help", expected_output="Done", agent=own)

    assert [each.role for each in Inline().crew().agents] == ["Analyst", "Guest"]


async def test_hooks_are_bound_to_their_instance_and_come_after_the_crews_own() -> None:
    class Hooked(WithNumbered):
        @before_kickoff
        def add_place(self, inputs: dict[str, Any]) -> dict[str, Any]:
            return {**inputs, "seen": [*inputs["seen"], "add_place", self.made]}

        @before_kickoff
        async def add_more(self, inputs: dict[str, Any]) -> dict[str, Any]:
            self.inputs = {**inputs, "seen": [*inputs["seen"], "add_more"]}
            return self.inputs

        @after_kickoff
        def shout(self, output: Any) -> Any:
            output.raw = output.raw.upper()
            return output

        @crew
        def crew(self) -> Crew:
            return super().crew()

    project = Hooked(ScriptedModel("one", "two"))
    built = project.crew()
    assert len(built.before_kickoff_callbacks) == 3
    output = await built.kickoff_async({"seen": []})
    assert output.raw == "TWO"
    assert project.inputs["seen"] == ["add_place", 1, "add_more"]


def test_a_method_that_returns_nothing_is_told_so() -> None:
    class Forgetful:
        @agent
        def analyst(self) -> Any:
            Agent(role="Analyst", goal="Find out", backstory="Careful.")

        @task
        def work(self) -> Any:
            return "work"

    with pytest.raises(BlueprintError, match=r"analyst\(\) must return an Agent; it returned nothing: does it lack"):
        Forgetful().analyst()
    with pytest.raises(BlueprintError, match=r"work\(\) must return a Task; it returned a str"):
        Forgetful().work()


def test_methods_that_need_each_other_are_told_so() -> None:
    class Round:
        @llm
        def one(self) -> Any:
            return self.two()

        @llm
        def two(self) -> Any:
            return self.one()

    with pytest.raises(BlueprintError, match=r"Round goes round in a circle: one\(\) needs two\(\), two\(\) needs one"):
        Round().one()


def test_what_failed_is_made_again() -> None:
    class Flaky:
        tries = 0

        @llm
        def model(self) -> str:
            self.tries += 1
            if self.tries == 1:
                raise OSError("not yet")
            return "there"

    project = Flaky()
    with pytest.raises(OSError, match="not yet"):
        project.model()
    assert project.model() == "there"


def test_an_async_method_is_refused_at_the_decorator() -> None:
    with pytest.raises(BlueprintError, match=r"@agent: analyst\(\) is async"):

        @agent
        async def analyst(self: Any) -> Any: ...


def test_a_class_without_room_is_told_so() -> None:
    class Tight:
        __slots__ = ()

        @llm
        def model(self) -> str:
            return "m"

    with pytest.raises(BlueprintError, match="Tight has no room"):
        Tight().model()


def test_a_callback_with_arguments_is_called_every_time() -> None:
    class Calling:
        def __init__(self) -> None:
            self.seen: list[str] = []

        @callback
        def on_done(self, output: str) -> None:
            self.seen.append(output)

    project = Calling()
    project.on_done("x")
    project.on_done("x")
    assert project.seen == ["x", "x"]


def test_decorated_classes_and_functions_keep_what_they_are() -> None:
    @output_pydantic
    class Report(BaseModel):
        text: str

    assert Report(text="x").model_dump() == {"text": "x"}
    assert (Plain.analyst.__name__, Plain.__doc__) == ("analyst", "Decorated methods without @CrewBase.")
