"""A task done without a crew, and what people read of one."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from typing import Any

import pytest
from pydantic import BaseModel

from aiocrew.agent.agent import Agent
from aiocrew.agent.converter import Converter
from aiocrew.crew.crew import Crew
from aiocrew.crew.task import Task
from aiocrew.errors import BadRequestError, BlueprintError, MissingInputError, UnusableReplyError
from aiocrew.tools.decorator import tool
from aiocrew.types.blueprint import AiocrewWarning
from aiocrew.types.outputs import OutputFormat
from tests.crew.scenes import agent_with, task_for
from tests.doubles import ScriptedModel, calls, prompt


class Score(BaseModel):
    score: int


@tool
def look(word: str) -> str:
    """Look a word up."""
    return f"found {word}"


@tool
def count(text: str) -> str:
    """Count the letters."""
    return str(len(text))


class Noting(Agent):
    """Notes how it was asked."""

    def execute_task(self, task: Any, context: Any = None, tools: Any = None) -> str:
        asked.append({"task": task, "context": context, "tools": tools})
        return "ok"


asked: list[dict[str, Any]] = []


# Doing it


def test_execute_sync_asks_the_agent_and_publishes_the_output():
    heard: list[Any] = []
    asked.clear()
    agent = Noting(role="Noter", goal="g", backstory="b", llm=ScriptedModel())
    task = Task(name="Note", description="Do it", expected_output="An answer", agent=agent, callback=heard.append)
    output = task.execute_sync()
    assert asked == [{"task": task, "context": None, "tools": []}]
    assert (output.raw, output.agent, output.name) == ("ok", "Noter", "Note")
    assert heard == [output]
    assert task.output is output


def test_the_agent_that_is_passed_takes_the_place_of_the_tasks_own():
    asked.clear()
    noter = Noting(role="Noter", goal="g", backstory="b", llm=ScriptedModel())
    task = task_for(agent_with(ScriptedModel()), "Do it")
    output = task.execute_sync(agent=noter, context="said before", tools=[look])
    assert asked == [{"task": task, "context": "said before", "tools": [look]}]
    assert output.agent == "Noter"


async def test_aexecute_sync_tells_the_model_task_context_and_tools():
    model = ScriptedModel(calls(("look", {"word": "bee"})), "a text")
    output = await task_for(agent_with(model), "Do it").aexecute_sync(context="said before", tools=[look])
    assert output.raw == "a text"
    assert "What is known so far:\nsaid before\n" in prompt(model.requests[0])
    assert model.requests[1].messages[-1].text == "found bee"


async def test_execute_sync_inside_a_running_loop_gives_the_same():
    task = task_for(agent_with(ScriptedModel("a text")), "Do it")
    with pytest.warns(UserWarning, match="inside a running event loop"):
        assert task.execute_sync().raw == "a text"


def test_execute_async_gives_a_future_that_a_thread_fulfils():
    threads: list[threading.Thread] = []
    task = task_for(agent_with(ScriptedModel("a text")), "Do it")
    task.callback = lambda _: threads.append(threading.current_thread())
    assert task.execute_async().result(timeout=10).raw == "a text"
    assert threads != [threading.main_thread()]


def test_the_future_raises_what_the_task_raised():
    task = task_for(agent_with(ScriptedModel(BadRequestError("down"))), "Do it")
    with pytest.raises(BadRequestError, match="down"):
        task.execute_async().result(timeout=10)


def test_a_future_cannot_be_cancelled_once_its_thread_works():
    begun, over = threading.Event(), threading.Event()

    class Waiting(Noting):
        def execute_task(self, task: Any, context: Any = None, tools: Any = None) -> str:
            begun.set()
            over.wait(10)
            return "ok"

    task = task_for(Waiting(role="W", goal="g", backstory="b", llm=ScriptedModel()), "Do it")
    future = task.execute_async()
    assert begun.wait(10)
    assert not future.cancel()
    over.set()
    assert future.result(timeout=10).raw == "ok"


def test_without_an_agent_nobody_can_do_it():
    task = Task(description="Do it", expected_output="x")
    with pytest.raises(BlueprintError, match="task 'Do it' has no agent"):
        task.execute_sync()
    with pytest.raises(BlueprintError, match="task 'Do it' has no agent"):
        task.execute_async().result(timeout=10)


@pytest.mark.parametrize(
    ("form", "kind"), [("output_pydantic", OutputFormat.PYDANTIC), ("output_json", OutputFormat.JSON)]
)
async def test_a_form_is_kept_to_outside_of_a_crew_as_well(form, kind, tmp_path):
    model = ScriptedModel("three", '{"score": 3}')
    task = task_for(agent_with(model), "Rate it", output_file=str(tmp_path / "x.json"), **{form: Score})
    output = await task.aexecute_sync()
    assert (output.to_dict(), output.output_format) == ({"score": 3}, kind)
    assert len(model.requests) == 2, "what did not fit went back"
    assert Score.model_validate_json((tmp_path / "x.json").read_text()) == Score(score=3)


def test_an_answer_without_its_form_is_refused_where_the_agent_let_it_pass():
    agent = Noting(role="Noter", goal="g", backstory="b", llm=ScriptedModel())
    with pytest.raises(UnusableReplyError, match="the answer to task 'Rate it' is no Score"):
        task_for(agent, "Rate it", output_pydantic=Score).execute_sync()


async def test_a_converter_reads_the_answer_once_and_off_the_loop():
    threads: list[threading.Thread] = []

    class Reading(Converter):
        def to_pydantic(self, current_attempt: int = 1) -> BaseModel:
            threads.append(threading.current_thread())
            return Score(score=len(self.text))

    task = task_for(agent_with(ScriptedModel("abc")), "Rate it", output_pydantic=Score, converter_cls=Reading)
    output = await task.aexecute_sync()
    assert (output.raw, output.pydantic) == ("abc", Score(score=3))
    assert len(threads) == 1
    assert threads != [threading.current_thread()]


async def test_a_guardrail_is_asked_outside_of_a_crew_as_well():
    def long_enough(output: Any) -> tuple[bool, Any]:
        return len(output.raw) > 1, output.raw

    task = task_for(agent_with(ScriptedModel("a", "ab")), "T", guardrail=long_enough)
    output = await task.aexecute_sync()
    assert output.raw == "ab"


async def test_tasks_of_one_agent_do_not_disturb_one_another():
    agent = agent_with(ScriptedModel(by=lambda request: prompt(request).splitlines()[0], delay_s=0.001))
    tasks = [task_for(agent, f"Task {number}") for number in range(50)]
    outputs = await asyncio.gather(*[task.aexecute_sync() for task in tasks])
    assert [output.raw for output in outputs] == [f"Your task: Task {number}" for number in range(50)]


# Reading it


def test_prompt_holds_what_is_to_be_done_and_what_is_expected():
    task = Task(description="Find ideas", expected_output="Five of them")
    assert "Find ideas" in task.prompt()
    assert "Five of them" in task.prompt()


def test_the_key_is_of_the_texts_as_they_were_written():
    task = Task(description="Work on {topic}", expected_output="A text on {topic}")
    key = hashlib.md5(b"Work on {topic}|A text on {topic}").hexdigest()
    assert task.key == key
    task.interpolate_inputs(inputs={"topic": "bees"})
    assert task.key == key


def test_inputs_can_be_filled_in_again_and_again():
    task = Task(description="Work on {topic}", expected_output="A text on {topic}")
    for topic in ("bees", "ants"):
        task.interpolate_inputs(inputs={"topic": topic})
        assert (task.description, task.expected_output) == (f"Work on {topic}", f"A text on {topic}")
    with pytest.raises(MissingInputError, match="topic"):
        task.interpolate_inputs({})


def test_a_tasks_tools_show_those_of_its_agent_where_it_has_none():
    agent = agent_with(ScriptedModel(), tools=[look])
    assert task_for(agent, "T").tools == [look]
    assert task_for(agent, "T", tools=[count]).tools == [count]


async def test_a_tool_that_is_added_to_a_task_is_not_its_agents():
    model = ScriptedModel("one", "other")
    agent = agent_with(model, tools=[look])
    task, other = task_for(agent, "T"), task_for(agent, "U")
    task.tools.append(count)
    assert agent.tools == [look]
    for one in (task, other):
        await one.aexecute_sync()
    offered = [[spec.name for spec in request.tools] for request in model.requests]
    assert offered == [["look", "count"], ["look"]]


def test_tools_that_an_agent_gets_later_reach_the_tasks_that_have_none_of_their_own():
    agent = agent_with(ScriptedModel(), tools=[look])
    task = task_for(agent, "T")
    agent.tools.append(count)
    assert task.own_tools == []


def test_a_door_that_is_overridden_is_told_of_once_as_no_run_passes_it():
    class Reflecting(Task):
        def _execute_core(self, agent, context, tools):
            raise AssertionError

    agent = agent_with(ScriptedModel("a", "b"))
    task = Reflecting(description="Do it", expected_output="x", agent=agent)
    with pytest.warns(
        AiocrewWarning, match="Reflecting overrides _execute_core, which a kickoff does not call"
    ) as caught:
        crew = Crew(agents=[agent], tasks=[task])
    assert caught[0].filename == __file__
    assert Crew(agents=[agent], tasks=[task]).kickoff().raw == "a"
    assert crew.kickoff().raw == "b"
