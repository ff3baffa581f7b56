"""Methods of one instance called from several threads: by what they themselves kick off, and at once."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from aiocrew.agent.agent import Agent
from aiocrew.crew.crew import Crew
from aiocrew.crew.task import Task
from aiocrew.errors import BlueprintError
from aiocrew.project import CrewBase, agent, task, tool
from aiocrew.tools import tool as as_tool
from tests.crew.scenes import agent_with, task_for
from tests.doubles import ScriptedModel, calls


class Asking:
    """Kicks off, in a method, a crew whose tool calls methods of this very object, in a thread of its own."""

    @agent
    def analyst(self) -> Agent:
        return agent_with(None)

    @task
    def other(self) -> Task:
        return task_for(self.analyst(), self.told_by(lambda: self.analyst().role))

    @task
    def itself(self) -> Task:
        return task_for(self.analyst(), self.told_by(lambda: self.itself().description))

    def told_by(self, body: Any) -> str:
        told: list[str] = []

        @as_tool
        def look() -> None:
            """Look it up."""
            try:
                told.append(body())
            except BlueprintError as error:
                told.append(str(error))

        writer = agent_with(ScriptedModel(calls(("look", {})), "done"), tools=[look])
        Crew(agents=[writer], tasks=[task_for(writer, "Work")]).kickoff()
        return told[0]


def test_what_a_method_kicks_off_may_call_other_methods_in_other_threads() -> None:
    assert Asking().other().description == "Analyst"


def test_a_method_that_needs_itself_in_another_thread_is_told_so() -> None:
    assert Asking().itself().description == "Asking goes round in a circle: itself() needs itself()"


async def test_two_threads_that_each_need_what_the_other_makes_wait_for_nobody() -> None:
    both = threading.Barrier(2)

    class Crossed:
        @task
        def left(self) -> Task:
            both.wait(30)
            return task_for(self.analyst(), "left")

        @agent
        def analyst(self) -> Agent:
            return agent_with(None)

        @task
        def right(self) -> Task:
            both.wait(30)
            return task_for(self.analyst(), "right")

    project = Crossed()
    left, right = await asyncio.gather(asyncio.to_thread(project.left), asyncio.to_thread(project.right))
    assert left.agent is right.agent


async def test_threads_that_look_an_entry_up_at_once_get_the_same_one_with_its_references() -> None:
    both = threading.Barrier(2)

    @CrewBase
    class Looking:
        agents_config: Any = {"analyst": {"role": "R", "goal": "G", "backstory": "B", "tools": "search"}}

        @tool
        def search(self) -> Any:
            both.wait(30)
            return object()

    project = Looking()
    look_up = [asyncio.to_thread(lambda: project.agents_config["analyst"]) for _ in range(2)]
    first, second = await asyncio.gather(*look_up)
    assert first is second
    assert first["tools"] == [project.search()]


async def test_what_a_method_has_left_running_is_no_part_of_it_any_more() -> None:
    tasks: list[asyncio.Task[Any]] = []

    class Failing:
        failures = 1

        @agent
        def analyst(self) -> Agent:
            if self.failures:
                self.failures = 0
                tasks.append(asyncio.ensure_future(self.later()))
                raise ValueError("not yet")
            return agent_with(None)

        async def later(self) -> Agent:
            return self.analyst()

    project = Failing()
    with pytest.raises(ValueError, match="not yet"):
        project.analyst()
    assert await tasks[0] is project.analyst()


def test_a_circle_through_two_instances_is_told_so() -> None:
    class Pointing:
        next: Any

        @task
        def there(self) -> Task:
            return self.next.there()

    first, second = Pointing(), Pointing()
    first.next, second.next = second, first
    with pytest.raises(BlueprintError, match=r"circle: there\(\) needs there\(\)"):
        first.there()
