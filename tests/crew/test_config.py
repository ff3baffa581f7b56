"""`Crew(config=...)`, and the other doors of CrewAI's that a Crew has or says that it has not."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from aiocrew.crew.crew import Crew
from aiocrew.errors import NotBuiltError
from aiocrew.tools.decorator import tool
from aiocrew.types.blueprint import AiocrewWarning
from tests.crew.scenes import agent_with, one_task_crew, task_for
from tests.doubles import ScriptedModel


def config(**fields: Any) -> dict[str, Any]:
    agents = [{"role": role, "goal": "g", "backstory": "b", "llm": "offline/instant"} for role in ("Reader", "Writer")]
    tasks = [
        {"description": "Read {topic}", "expected_output": "x", "agent": "Reader"},
        {"description": "Write", "expected_output": "x", "agent": "Writer"},
    ]
    return {"agents": agents, "tasks": tasks, **fields}


@pytest.mark.parametrize("form", [dict, json.dumps], ids=["dict", "JSON"])
async def test_a_crew_is_made_of_plain_data(form):
    given = form(config(name="press"))
    crew = Crew(config=given, verbose=False)
    assert [task.agent for task in crew.tasks] == crew.agents
    assert [agent.role for agent in crew.agents] == ["Reader", "Writer"]
    assert crew.name == "press"
    assert len((await crew.kickoff_async({"topic": "bees"})).tasks_output) == 2
    assert given == form(config(name="press")), "what was given is not changed"


def test_what_is_given_beside_it_takes_precedence():
    reader = agent_with(ScriptedModel(), role="Reader")
    crew = Crew(agents=[reader, agent_with(ScriptedModel(), role="Writer")], config=config(), name="mine")
    assert crew.tasks[0].agent is reader
    assert Crew(config=config(name="its"), name="mine").name == "mine"


def test_a_hierarchical_crew_may_leave_agents_out_of_its_tasks():
    tasks = [{"description": "Read", "expected_output": "x"}]
    crew = Crew(config=config(process="hierarchical", manager_llm="offline/instant", tasks=tasks))
    assert (crew.tasks[0].agent, crew.process) == (None, "hierarchical")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ('{"agents": ', "config of a crew is no JSON: "),
        ([1], "must be a dict, or JSON text of one, not list"),
        ("[1]", "must be a dict, or JSON text of one, not list"),
        ({"agents": []}, "needs 'agents' and 'tasks'"),
        (config(tasks=[]), "needs 'agents' and 'tasks'"),
        (config(agents=[]), "names the agent 'Reader'; the roles are: none"),
        (
            config(tasks=[{"description": "d", "agent": "Nobody"}]),
            r"tasks\[0\] names the agent 'Nobody'; the roles are: ",
        ),
        (config(tasks=[{"description": "d", "agent": "Reader"}]), r"tasks\[0\] cannot be used: .*\n.*expected_output"),
        (config(agents=[{"role": "Reader"}]), r"agents\[0\] cannot be used: .*\n.*goal"),
        (config(agents=["Reader"]), r"agents\[0\] cannot be used: "),
    ],
)
def test_what_cannot_be_used_is_told_with_its_place(given, problem):
    with pytest.raises(ValueError, match=problem):
        Crew(config=given)


def test_a_key_that_nobody_knows_is_told():
    with pytest.warns(AiocrewWarning, match="Crew has no field 'wrong_key'"):
        Crew(config=config(wrong_key=1))


def test_a_crew_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no tasks and no agents"):
        Crew(process="sequential")


# Other doors


def test_the_key_is_of_the_texts_as_they_were_written():
    crew = Crew(config=config())
    keys = "|".join([*(agent.key for agent in crew.agents), *(task.key for task in crew.tasks)])
    assert crew.key == hashlib.md5(keys.encode()).hexdigest()
    before = crew.key
    crew.tasks[0].interpolate_inputs({"topic": "bees"})
    assert crew.key == before


def test_fetch_inputs_names_what_a_kickoff_has_to_fill():
    agent = agent_with(ScriptedModel(), role="{field} expert", goal="{goal}")
    tasks = [task_for(agent, 'Give {"json": true} on {topic}', output_file="{name}.md")]
    assert Crew(agents=[agent], tasks=tasks).fetch_inputs() == {"field", "goal", "topic", "name"}


@tool
def look(word: str) -> str:
    """Look a word up."""
    return word


async def test_a_copy_is_a_crew_of_its_own():
    agent, boss = agent_with(ScriptedModel("first"), tools=[look]), agent_with(ScriptedModel("led"), role="Boss")
    first = task_for(agent, "Read {topic}")
    crew = Crew(agents=[agent], tasks=[first, task_for(agent, "Write", context=[first])], manager_agent=boss)
    await one_task_crew(ScriptedModel("x")).kickoff_async({"topic": "bees"})
    twin = crew.copy()
    assert (twin.key, len({crew.id, twin.id})) == (crew.key, 2)
    assert twin.tasks[0].agent is twin.agents[0] is not agent
    assert twin.tasks[1].context == [twin.tasks[0]]
    assert twin.tasks[1].context[0] is twin.tasks[0]
    assert twin.manager_agent is not boss
    assert (twin.agents[0].llm is agent.llm, twin.agents[0].tools[0] is look) == (True, True)
    twin.agents[0].tools.append(look)
    twin.tasks[0].description = "Other"
    twin.tasks.pop()
    assert (len(agent.tools), first.description, len(crew.tasks)) == (1, "Read {topic}", 2)


async def test_a_copy_has_published_nothing():
    crew = one_task_crew(ScriptedModel("x", "y"))
    await crew.kickoff_async({"topic": "bees"})
    twin = crew.copy()
    assert (twin.usage_metrics, twin.tasks[0].output) == (None, None)
    await twin.kickoff_async({"topic": "bees"})
    assert (crew.tasks[0].output.raw, twin.tasks[0].output.raw) == ("x", "y")


@pytest.mark.parametrize(
    ("method", "keywords"),
    [
        ("train", {"n_iterations": 2, "filename": "x.pkl"}),
        ("test", {"n_iterations": 2, "openai_model_name": "gpt-4o-mini"}),
        ("replay", {"task_id": "x"}),
        ("query_knowledge", {"query": ["x"]}),
        ("reset_memories", {"command_type": "all"}),
    ],
)
def test_a_method_that_is_not_built_says_so_and_what_there_is(method, keywords):
    crew = one_task_crew(ScriptedModel())
    with pytest.raises(NotBuiltError, match=rf"Crew\.{method}\(\) is not built yet in aiocrew\. What works: "):
        getattr(crew, method)(**keywords)


def test_what_nobody_ever_had_is_no_attribute():
    with pytest.raises(AttributeError, match="has no attribute 'trian'"):
        _ = one_task_crew(ScriptedModel()).trian
