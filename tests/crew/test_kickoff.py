"""What a kickoff gives, in which order, and what it says when it fails."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from aiocrew.aio.runtime import local_runtime
from aiocrew.aio.steps import LocalSteps
from aiocrew.crew.crew import Crew
from aiocrew.crew.process import Process
from aiocrew.crew.task import Task
from aiocrew.errors import (
    BadRequestError,
    BlueprintError,
    CallbackError,
    DeadlineExceededError,
    MissingInputError,
    NotBuiltError,
    TaskError,
)
from aiocrew.types.blueprint import AiocrewWarning
from aiocrew.types.context import RunOptions, active_runtime
from aiocrew.types.messages import Reply
from aiocrew.types.outputs import CrewOutput
from tests.crew.scenes import agent_with, one_task_crew, task_for
from tests.doubles import ScriptedModel, on_virtual_time, prompt


async def test_the_output_is_the_last_tasks_with_exact_usage():
    agent = agent_with(ScriptedModel("first", "second"))
    crew = Crew(agents=[agent], tasks=[task_for(agent, "One"), task_for(agent, "Two", name="two")])
    output = await crew.kickoff_async()
    assert (output.raw, str(output), output.ok, output.status) == ("second", "second", True, "ok")
    assert [task.raw for task in output.tasks_output] == ["first", "second"]
    assert (output.tasks_output[1].name, output.tasks_output[1].agent) == ("two", "Analyst")
    assert (output.token_usage.total_tokens, output.token_usage.successful_requests) == (30, 2)
    assert crew.usage_metrics == output.token_usage
    assert crew.tasks[0].output.raw == "first"


async def test_a_description_stands_verbatim_and_ends_its_line():
    model = ScriptedModel("ok")
    await one_task_crew(model, 'Parse {"a": [1]} of {topic}').kickoff_async({"topic": "{x} of y"})
    text = prompt(model.requests[0])
    assert 'Parse {"a": [1]} of {x} of y\n' in text


async def test_without_inputs_the_text_stays_and_with_them_a_missing_one_is_named():
    model = ScriptedModel("ok")
    crew = one_task_crew(model)
    await crew.kickoff_async()
    assert "Work on {topic}" in prompt(model.requests[0])
    with pytest.raises(MissingInputError, match=r"Work on \{topic\}.*topic"):
        await crew.kickoff_async({"subject": "x"})
    assert len(model.requests) == 1


async def test_before_kickoff_callbacks_add_inputs_and_after_kickoff_change_the_output():
    model = ScriptedModel(by=prompt)

    def add_topic(inputs):
        inputs["topic"] = "whales"

    async def shout(output):
        output.raw = output.raw.upper()
        return output

    crew = one_task_crew(model, before_kickoff_callbacks=[add_topic], after_kickoff_callbacks=[shout])
    assert "WORK ON WHALES" in (await crew.kickoff_async({})).raw


async def test_the_context_is_told_by_position():
    model = ScriptedModel(by=lambda request: "answer to " + prompt(request).splitlines()[0].removeprefix("Your task: "))
    agent = agent_with(model)
    a, b = task_for(agent, "A"), task_for(agent, "B", async_execution=True)
    c = task_for(agent, "C", context=[a])
    d = task_for(agent, "D")
    e = task_for(agent, "E", context=[])
    await Crew(agents=[agent], tasks=[a, b, c, d, e]).kickoff_async()
    told = {prompt(r).splitlines()[0][-1]: prompt(r) for r in model.requests}
    assert "answer to A" in told["B"]
    assert "answer to A" in told["C"]
    assert "answer to B" not in told["C"]
    assert told["D"].index("answer to A") < told["D"].index("answer to B") < told["D"].index("answer to C")
    assert "answer to" not in told["E"]


async def test_async_tasks_of_one_agent_go_on_side_by_side():
    model = ScriptedModel(by=lambda _: "ok", delay_s=0.01)
    agent = agent_with(model)
    tasks = [task_for(agent, f"T{n}", async_execution=True) for n in range(10)]
    output = await Crew(agents=[agent], tasks=[*tasks, task_for(agent, "last")]).kickoff_async()
    assert model.peak == 10
    assert len(output.tasks_output) == 11


def test_a_context_that_names_a_later_task_is_refused_when_the_crew_is_built():
    agent = agent_with(ScriptedModel())
    later = task_for(agent, "Later", name="later")
    with pytest.raises(ValueError, match="'Early' has 'later' in its context, which does not come before it"):
        Crew(agents=[agent], tasks=[task_for(agent, "Early", context=[later]), later])
    with pytest.raises(ValueError, match="which is no task of the crew"):
        Crew(agents=[agent], tasks=[task_for(agent, "Early", context=[later])])


def test_a_task_needs_an_agent_and_a_crew_needs_tasks():
    with pytest.raises(ValueError, match="'Do it' has no agent"):
        Crew(tasks=[Task(description="Do it", expected_output="x")])
    with pytest.raises(ValueError, match="no tasks and no agents"):
        Crew()
    with pytest.raises(BlueprintError, match="no tasks"):
        Crew(agents=[agent_with(ScriptedModel())]).kickoff()


def test_what_is_not_built_raises_and_what_nobody_knows_warns():
    with pytest.raises(NotBuiltError, match="memory"):
        Crew(memory=True)
    with pytest.raises(NotBuiltError, match="planning"):
        agent_with(ScriptedModel(), planning=True)
    with pytest.raises(NotBuiltError, match=r"Agent\(max_tokens=5\): .* yet\. Instead: LLM\(max_tokens=\.\.\.\)"):
        agent_with(ScriptedModel(), max_tokens=5)
    assert agent_with(ScriptedModel(), planning=False, memory=False).role == "Analyst"
    with pytest.warns(UserWarning, match="no field 'tool'.*'tools'") as caught:
        agent_with(ScriptedModel(), tool=[])
    assert caught[0].filename.endswith("scenes.py")
    assert Crew(agents=[agent_with(ScriptedModel())], verbose=2).verbose is True


async def test_a_failing_task_cancels_its_siblings_and_names_crew_task_and_agent():
    class Waits:
        cancelled = 0

        async def reply(self, request):
            try:
                await asyncio.Event().wait()
            finally:
                Waits.cancelled += 1

    bad = agent_with(ScriptedModel(BadRequestError("no such thing", model="m", status=400)), role="Bad")
    slow = agent_with(Waits())
    crew = Crew(
        name="trio",
        agents=[bad, slow],
        tasks=[task_for(slow, "W", async_execution=True), task_for(bad, "B", name="breaks", async_execution=True)],
    )
    with pytest.raises(
        BadRequestError, match=r"no such thing \(in crew 'trio', task 'breaks', agent 'Bad'\)"
    ) as caught:
        await crew.kickoff_async()
    assert caught.value.status == 400
    assert Waits.cancelled == 1
    assert len(asyncio.all_tasks()) == 1


async def test_of_several_failures_the_first_in_path_is_raised_with_the_others():
    agents = [agent_with(ScriptedModel(BadRequestError(f"bad {n}", model="m"))) for n in range(3)]
    crew = Crew(agents=agents, tasks=[task_for(agent, "T", async_execution=True) for agent in agents])
    with pytest.raises(BadRequestError, match="bad 0") as caught:
        await crew.kickoff_async()
    assert [error.message for error in caught.value.others] == ["bad 1", "bad 2"]


async def test_an_exception_that_is_not_ours_is_the_cause():
    with pytest.raises(TaskError, match=r"ZeroDivisionError: by zero.*crew 'crew'") as caught:
        await one_task_crew(ScriptedModel(ZeroDivisionError("by zero"))).kickoff_async()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


async def test_a_model_that_returns_no_reply_is_told_so():
    class Wrong:
        async def reply(self, request):
            return "text"

    with pytest.raises(BlueprintError, match=r"Wrong.*must return a Reply, not str"):
        await one_task_crew(Wrong()).kickoff_async()


async def test_an_exception_in_a_callback_names_it():
    def explode(output):
        raise RuntimeError("boom")

    agent = agent_with(ScriptedModel("ok"))
    crew = Crew(agents=[agent], tasks=[task_for(agent, callback=explode)])
    with pytest.raises(CallbackError, match=r"explode raised RuntimeError.*task 'Work on") as caught:
        await crew.kickoff_async()
    assert "explode" in caught.value.callback


async def test_callbacks_plain_or_async_and_the_tasks_own_wins():
    heard = []

    async def own(output):
        heard.append(("own", output.raw))

    def crews(output):
        heard.append(("crew", output.raw))

    agent = agent_with(ScriptedModel("one", "two"))
    tasks = [task_for(agent, "A", callback=own), task_for(agent, "B")]
    await Crew(agents=[agent], tasks=tasks, task_callback=crews).kickoff_async()
    assert heard == [("own", "one"), ("crew", "two")]


def test_a_deadline_ends_the_call_in_flight():
    model = ScriptedModel("never", delay_s=100)

    async def main():
        with pytest.raises(DeadlineExceededError, match="deadline of 5 s"):
            await one_task_crew(model).kickoff_async(options=RunOptions(deadline_s=5))
        assert asyncio.get_running_loop().time() == 5
        assert model.in_flight == 0

    on_virtual_time(main)


def test_max_execution_time_ends_the_call_in_flight():
    model = ScriptedModel("never", delay_s=100)
    agent = agent_with(model, max_execution_time=2)

    async def main():
        with pytest.raises(DeadlineExceededError, match=r"max_execution_time=2 s.*agent 'Analyst'"):
            await Crew(agents=[agent], tasks=[task_for(agent)]).kickoff_async()
        assert asyncio.get_running_loop().time() == 2

    on_virtual_time(main)


async def test_inputs_must_be_a_mapping():
    with pytest.raises(BlueprintError, match="must be a dict"):
        await one_task_crew(ScriptedModel()).kickoff_async(["topic"])


async def test_changing_a_blueprint_does_not_reach_a_run_under_way():
    begun, go_on = asyncio.Event(), asyncio.Event()

    class Gate:
        prompts: list[str] = []

        async def reply(self, request):
            self.prompts.append(prompt(request))
            begun.set()
            await go_on.wait()
            return Reply("ok")

    agent = agent_with(Gate())
    crew = Crew(agents=[agent], tasks=[task_for(agent, "First"), task_for(agent, "Second")])
    async with crew.start() as run:
        await begun.wait()
        crew.tasks[1].description = "Changed"
        agent.llm = "offline/instant"
        crew.tasks.clear()
        go_on.set()
        await run
    assert "Second" in Gate.prompts[1]


def test_a_process_that_is_set_later_needs_its_manager_as_well():
    crew = one_task_crew(ScriptedModel())
    crew.process = Process.hierarchical
    with pytest.raises(BlueprintError, match="needs a manager"):
        crew.kickoff()


def test_what_is_not_built_is_refused_when_it_is_set_later_as_well():
    agent = agent_with(ScriptedModel())
    with pytest.raises(NotBuiltError, match="planning"):
        agent.planning = True
    agent.planning = False
    with pytest.raises(NotBuiltError, match="input_files"):
        task_for(agent).input_files = {"a": "b"}


async def test_a_function_that_was_put_among_the_tools_later_is_named():
    agent = agent_with(ScriptedModel())
    agent.tools.append(print)
    with pytest.raises(BlueprintError, match="'print' is no tool"):
        await Crew(agents=[agent], tasks=[task_for(agent)]).kickoff_async()


@pytest.mark.parametrize("deadline_s", ["3", 0, -1, float("inf"), float("nan")])
def test_a_deadline_is_a_number_of_seconds(deadline_s):
    with pytest.raises(BlueprintError, match="deadline_s"):
        RunOptions(deadline_s=deadline_s)


async def test_inputs_have_texts_as_keys():
    with pytest.raises(BlueprintError, match="texts as its keys"):
        await one_task_crew(ScriptedModel()).kickoff_async({1: "a"})


async def test_an_output_that_a_callback_replaces_still_belongs_to_its_input():
    crew = one_task_crew(
        ScriptedModel(by=lambda _: "ok"), after_kickoff_callbacks=[lambda output: CrewOutput(raw=output.raw.upper())]
    )
    outcomes = await crew.kickoff_for_each_async([{"topic": n} for n in range(3)])
    assert [(outcome.raw, outcome.index, outcome.inputs) for outcome in outcomes] == [
        ("OK", n, {"topic": n}) for n in range(3)
    ]
    assert outcomes.token_usage.total_tokens == 45


async def test_options_that_are_none_are_refused_before_anything_runs():
    model = ScriptedModel("never")
    crew = one_task_crew(model)
    with pytest.raises(BlueprintError, match=r"must be RunOptions\(deadline_s="):
        await crew.kickoff_async({"topic": "x"}, options={"deadline_s": 1})
    with pytest.raises(BlueprintError, match="must be RunOptions"):
        crew.map([{"topic": "x"}], options={"deadline_s": 1})
    assert model.requests == []


async def test_a_text_that_an_after_kickoff_callback_returns_takes_the_place_of_the_answer():
    crew = one_task_crew(ScriptedModel("quiet"), after_kickoff_callbacks=[lambda output: output.raw.upper()])
    output = await crew.kickoff_async()
    assert (str(output), output.tasks_output[0].raw, output.token_usage.total_tokens) == ("QUIET", "quiet", 15)


async def test_what_an_after_kickoff_callback_returns_otherwise_is_told_and_loses_nothing():
    crew = one_task_crew(ScriptedModel("paid for"), after_kickoff_callbacks=[lambda _: {"a": 1}])
    with pytest.warns(AiocrewWarning, match="returned something of type dict, which is left out"):
        assert (await crew.kickoff_async()).raw == "paid for"


async def test_only_tasks_that_may_go_on_beside_others_are_branches():
    class Counting(LocalSteps):
        def branches(self, specs=()):
            opened.append(self)
            return super().branches(specs)

    async def run(*tasks):
        opened.clear()
        token = active_runtime.set(replace(local_runtime(), steps=Counting()))
        try:
            await Crew(agents=[agent], tasks=[*tasks]).kickoff_async()
        finally:
            active_runtime.reset(token)
        return len(opened)

    opened = []
    agent = agent_with(ScriptedModel(by=lambda request: "answer"))
    assert await run(task_for(agent, "One"), task_for(agent, "Two"), task_for(agent, "Three", context=[])) == 0
    assert await run(task_for(agent, "One", async_execution=True), task_for(agent, "Two", context=[])) == 1
