"""People change their blueprints between runs, and during them: the next run sees it, the one under way does not."""

from __future__ import annotations

import gc
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from aiocrew import LLM
from aiocrew.agent.agent import Agent
from aiocrew.crew.conditional import ConditionalTask
from aiocrew.crew.crew import Crew
from aiocrew.crew.draft import draft_of
from aiocrew.crew.plan import plan_crew
from aiocrew.crew.task import Task
from aiocrew.errors import BlueprintError, MissingInputError, MissingKeyError
from aiocrew.testing.models import ScriptedModel
from aiocrew.tools.decorator import tool
from tests.crew.scenes import agent_with, one_task_crew, task_for
from tests.doubles import prompt

PUBLISHED = ("output", "tools_results", "usage_metrics")


@tool
async def look_up(word: str) -> str:
    """Look a word up."""
    return word


def echo():
    return ScriptedModel(by=prompt)


def two_task_crew(**fields):
    model = echo()
    first, second = agent_with(model, role="First"), agent_with(model, role="Second")
    return Crew(agents=[first, second], tasks=[task_for(first, "Begin {topic}"), task_for(second, "End")], **fields)


def words_of(crew, inputs=None):
    """Return all that a run of `crew` would tell its models."""
    plan = plan_crew(crew, inputs or {"topic": "ants"})
    return [
        (task.agent.persona, task.description, task.expected_output, task.agent.toolbox.specs, node.sees, task.rules)
        for task, node in zip(plan.tasks, plan.draft.nodes, strict=True)
    ]


def kept_draft(crew):
    """Return the draft that `crew` keeps: one that runs once keeps none."""
    draft_of(crew)
    return draft_of(crew)


def test_nothing_is_read_anew_as_long_as_nothing_changes():
    crew = two_task_crew()
    assert draft_of(crew) is not kept_draft(crew)
    assert draft_of(crew) is draft_of(crew)


async def test_what_a_run_publishes_is_no_change():
    crew = two_task_crew()
    draft = kept_draft(crew)
    await crew.kickoff_async({"topic": "ants"})
    assert crew.tasks[0].output is not None
    assert draft_of(crew) is draft


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind in (Agent, Task, Crew) for name in kind.model_fields if name not in PUBLISHED],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_each_field_of_each_blueprint_is_looked_at_however_it_was_set(kind, name):
    crew = two_task_crew()
    draft = kept_draft(crew)
    part = {Agent: crew.agents[1], Task: crew.tasks[1], Crew: crew}[kind]
    vars(part)[name] = object()  # past pydantic, which would refuse it
    assert not draft.holds(crew)


def test_a_condition_is_looked_at():
    crew = two_task_crew()
    crew.tasks.append(ConditionalTask(description="C", expected_output="E", agent=crew.agents[0], condition=bool))
    draft = kept_draft(crew)
    crew.tasks[2].condition = callable
    assert plan_crew(crew, {"topic": "ants"}).draft.tasks[2].condition is callable
    assert not draft.holds(crew)


def set_texts(crew):
    crew.tasks[0].description, crew.tasks[0].expected_output = "Otherwise {topic}", "Another {topic}"


def set_persona(crew):
    crew.agents[0].role, crew.agents[1].goal = "Other {topic}", "Other goal"


def set_past_pydantic(crew):
    vars(crew.agents[0])["backstory"] = "Quite another."


def give_a_task(crew):
    crew.tasks.append(task_for(crew.agents[0], "More"))


def swap_tasks(crew):
    crew.tasks.reverse()


def take_a_task(crew):
    del crew.tasks[0]


def set_context(crew):
    crew.tasks[1].context = []


def change_context(crew):
    crew.tasks[1].context = [crew.tasks[0]]
    words_of(crew)
    crew.tasks[1].context.clear()


def swap_agents(crew):
    crew.tasks[0].agent, crew.tasks[1].agent = crew.tasks[1].agent, crew.tasks[0].agent


def give_a_tool(crew):
    crew.agents[1].tools.append(look_up)


def take_the_tool(crew):
    give_a_tool(crew)
    words_of(crew)
    crew.agents[1].tools.clear()


def give_the_task_a_tool(crew):
    crew.tasks[1].tools.append(look_up)


def give_a_guardrail(crew):
    crew.tasks[0].human_input = True


def let_delegate(crew):
    crew.agents[0].allow_delegation = True


def set_templates(crew):
    crew.agents[0].system_template = "<<{{ .System }}>>"


def fill_in_place(crew):
    crew.tasks[0].interpolate_inputs({"topic": "bees"})


CHANGES = [
    set_texts,
    set_persona,
    set_past_pydantic,
    give_a_task,
    swap_tasks,
    take_a_task,
    set_context,
    change_context,
    swap_agents,
    give_a_tool,
    take_the_tool,
    give_the_task_a_tool,
    give_a_guardrail,
    let_delegate,
    set_templates,
    fill_in_place,
]


@given(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=6), st.data())
def test_after_any_changes_a_crew_plans_what_one_made_anew_would(changes, data):
    crew = two_task_crew()
    for change in changes:
        for _ in range(data.draw(st.integers(0, 2))):
            words_of(crew)
        if len(crew.tasks) > 1:
            change(crew)
        anew = Crew(agents=crew.agents, tasks=list(crew.tasks))
        anew.tasks[:] = crew.tasks
        try:
            wanted = words_of(anew)
        except BlueprintError:
            with pytest.raises(BlueprintError):
                words_of(crew)
            return
        assert repr(words_of(crew)) == repr(wanted)


async def test_a_run_under_way_goes_on_as_it_began_and_the_next_one_sees_the_change():
    def answer(request):
        crew.tasks[1].description = "Changed"
        crew.agents[1].role = "Changed"
        crew.tasks[1].context = []
        return "answer"

    model = ScriptedModel(by=answer)
    agents = [agent_with(model, role="First"), agent_with(model, role="Second")]
    crew = Crew(agents=agents, tasks=[task_for(agents[0], "Begin"), task_for(agents[1], "End")])
    kept_draft(crew)
    first = await crew.kickoff_async()
    assert (first.tasks_output[1].description, first.tasks_output[1].agent) == ("End", "Second")
    assert "answer" in prompt(model.requests[1])
    second = await crew.kickoff_async()
    assert (second.tasks_output[1].description, second.tasks_output[1].agent) == ("Changed", "Changed")
    assert "What is known" not in prompt(model.requests[3])


async def test_a_before_kickoff_callback_may_change_the_crew_for_its_own_run():
    async def change(inputs):
        crew.tasks[0].description = f"Work {len(seen)}"
        seen.append(crew.tasks[0].description)

    seen = []
    crew = one_task_crew(echo(), before_kickoff_callbacks=[change])
    outputs = [await crew.kickoff_async() for _ in range(3)]
    assert [output.tasks_output[0].description for output in outputs] == seen == ["Work 0", "Work 1", "Work 2"]


async def test_another_model_answers_the_next_run_even_one_that_equals_the_first():
    class Alike(ScriptedModel):
        __hash__ = None

        def __eq__(self, other):
            return True

    first, second = Alike("first"), Alike("second")
    crew = one_task_crew(first, "Work")
    kept_draft(crew)
    assert (await crew.kickoff_async()).raw == "first"
    crew.agents[0].llm = second
    assert (await crew.kickoff_async()).raw == "second"


def test_a_changed_llm_is_another_model_and_so_is_one_in_its_place():
    def model_of(crew):
        return plan_crew(crew, {"topic": "ants"}).tasks[0].agent.model

    llm = LLM("openai/a", api_key="k")
    crew = one_task_crew(llm)
    kept_draft(crew)
    first = model_of(crew)
    assert model_of(crew) is first
    llm.temperature = 0.5
    second = model_of(crew)
    assert second != first
    crew.agents[0].llm = LLM("openai/a", api_key="k", temperature=0.5)
    assert model_of(crew) == second
    crew.agents[0].llm.temperature = 0.7  # of the one that stands there now
    assert model_of(crew) != second


def test_a_key_that_is_gone_is_missed(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    crew = one_task_crew(LLM("openai/a"))
    kept_draft(crew)
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(MissingKeyError):
        plan_crew(crew, {"topic": "ants"})


def test_the_form_of_a_models_answers_is_looked_at():
    class Report(BaseModel):
        title: str

    model = echo()
    crew = one_task_crew(model)
    kept_draft(crew)
    assert plan_crew(crew, {"topic": "ants"}).tasks[0].rules.form is None
    model.response_format = Report
    assert plan_crew(crew, {"topic": "ants"}).tasks[0].rules.form.cls is Report


def test_a_property_of_a_subclass_is_asked_by_each_run():
    class Counting(Agent):
        @property
        def words(self):
            return self.goal

        def __getattribute__(self, name):
            if name != "goal":
                return super().__getattribute__(name)
            asked.append(name)
            return f"Goal {len(asked)}"

    asked = []
    agent = Counting(role="R", goal="G", backstory="B", llm=echo())
    crew = Crew(agents=[agent], tasks=[task_for(agent, "Work")])
    goals = [plan_crew(crew, None).tasks[0].agent.persona.goal for _ in range(3)]
    assert len(set(goals)) == 3


@pytest.mark.parametrize("name", ["description", "agent", "tools"])
def test_a_deleted_field_fails_the_next_run_as_it_would_the_first(name):
    crew = two_task_crew()
    kept_draft(crew)
    del vars(crew.tasks[0])[name]
    with pytest.raises(AttributeError):
        plan_crew(crew, {"topic": "ants"})


def test_a_copy_is_planned_by_its_own_texts():
    crew = two_task_crew()
    kept_draft(crew)
    before = words_of(crew)
    twin = crew.copy()
    twin.tasks[1].description = "Of the twin"
    assert words_of(twin)[1][1] == "Of the twin"
    assert words_of(crew) == before


def test_an_agent_of_two_crews_is_planned_by_each_ones_settings():
    async def callback(step):
        pass

    agent = agent_with(echo())
    plain = Crew(agents=[agent], tasks=[task_for(agent, "Work")])
    other = Crew(agents=[agent], tasks=[task_for(agent, "Work")], step_callback=callback, cache=True)
    for _ in range(3):
        plans = [plan_crew(crew, None).tasks[0].agent for crew in (plain, other)]
        assert [(plan.step_callback, plan.cache) for plan in plans] == [(None, False), (callback, True)]


async def test_a_crew_whose_callbacks_lead_back_to_it_is_collected():
    class Owner:
        def __init__(self):
            agent = agent_with(echo(), step_callback=self.on_step)
            task = task_for(agent, "Work", callback=self.on_task)
            self.crew = Crew(agents=[agent], tasks=[task], task_callback=self.on_task)

        async def on_step(self, step):
            pass

        async def on_task(self, output):
            pass

    owner = Owner()
    await owner.crew.kickoff_async()
    await owner.crew.kickoff_async()
    assert owner.crew._draft is not None
    gone = weakref.ref(owner)
    del owner
    gc.collect()
    assert gone() is None


async def test_what_a_tool_is_called_is_asked_by_each_run():
    @tool
    async def changing(word: str) -> str:
        """Old words."""
        return word

    crew = two_task_crew()
    crew.agents[0].tools.append(changing)
    kept_draft(crew)
    before = words_of(crew)[0][3][0].description
    changing.description = "New words."
    assert words_of(crew)[0][3][0].description != before


async def test_a_crew_that_has_run_leaves_with_its_last_reference_and_needs_no_collector():
    crew = two_task_crew()
    for _ in range(3):
        await crew.kickoff_async({"topic": "ants"})
    gone = [weakref.ref(part) for part in (crew, *crew.tasks, *crew.agents)]
    gc.disable()
    try:
        del crew
        assert [part() for part in gone] == [None] * 5
    finally:
        gc.enable()


def test_a_value_that_equals_everything_is_another_one_all_the_same():
    class Alike:
        __hash__ = None

        def __eq__(self, other):
            return True

        async def __call__(self, step):
            pass

    crew = two_task_crew()
    kept_draft(crew)
    vars(crew)["step_callback"] = callback = Alike()
    assert plan_crew(crew, {"topic": "ants"}).tasks[0].agent.step_callback is callback


def test_the_pace_of_an_agent_is_what_its_max_rpm_says_whoever_used_it_in_between():
    agent = agent_with(echo(), max_rpm=60)
    one, other = (Crew(agents=[agent], tasks=[task_for(agent, "Work")]) for _ in range(2))
    kept_draft(one)
    agent.max_rpm = 10
    plan_crew(other, None)
    agent.max_rpm = 60
    assert plan_crew(one, None).tasks[0].agent.pace.per_minute == 60


def test_a_crew_that_changes_while_it_is_read_is_read_again():
    class Changing(ScriptedModel):
        @property
        def tool_protocol(self):  # asked while the crew is looked at
            if changes:
                vars(crew.tasks[0])["description"] = changes.pop()
            return "auto"

    changes = []
    crew = one_task_crew(Changing(by=prompt), "Work")
    draft_of(crew)
    written = crew.tasks[0].description
    changes.append("Other")
    assert plan_crew(crew, None).tasks[0].description == "Other"
    vars(crew.tasks[0])["description"] = written
    assert plan_crew(crew, None).tasks[0].description == "Work"


@pytest.mark.parametrize("runs", [1, 3])
def test_a_model_without_a_key_that_no_agent_needs_is_not_missed(monkeypatch, runs):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    agent = agent_with(echo(), function_calling_llm=echo())
    crew = Crew(agents=[agent], tasks=[task_for(agent, "Work")], function_calling_llm=LLM("openai/a"))
    for _ in range(runs):
        assert plan_crew(crew, None).tasks[0].agent.converter.name == "ScriptedModel"


@pytest.mark.parametrize("runs", [1, 3])
def test_of_several_mistakes_the_one_is_told_that_planning_meets_first(monkeypatch, runs):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    agent = agent_with(LLM("openai/a"), role="{who}")
    crew = Crew(agents=[agent], tasks=[task_for(agent, "Work"), task_for(agent, "Work on")])
    for _ in range(runs):
        with pytest.raises(MissingInputError):
            plan_crew(crew, {})
    crew.tasks[0].context = [crew.tasks[1]]
    for _ in range(runs):
        with pytest.raises(BlueprintError, match="does not come before it"):
            plan_crew(crew, {})
