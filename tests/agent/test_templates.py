"""Prompts in other words: templates, and models that take no system message."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aiocrew.agent.prompt import Assignment, Persona, Templates, opening
from aiocrew.crew.crew import Crew
from aiocrew.tools.decorator import tool
from aiocrew.types.messages import Assistant, Message, System, User
from aiocrew.types.outputs import CrewOutput
from tests.crew.scenes import agent_with, task_for
from tests.doubles import ScriptedModel, calls

SYSTEM, PROMPT, RESPONSE = "<s>{{ .System }}</s>", "<p>{{ .Prompt }}</p>", "<r>{{ .Response }}</r>"
WHO = "You are Analyst.\nCareful.\n\nYour goal: Find out"
ALL = {"system_template": SYSTEM, "prompt_template": PROMPT, "response_template": RESPONSE}


async def kickoff(model: Any, **fields: Any) -> CrewOutput:
    agent = agent_with(model, **fields)
    return await Crew(agents=[agent], tasks=[task_for(agent, "Count bees")]).kickoff_async()


async def asked(**fields: Any) -> list[Message]:
    model = ScriptedModel("ok")
    await kickoff(model, **fields)
    return list(model.requests[0].messages)


async def test_all_three_make_one_text_that_ends_where_the_answer_begins() -> None:
    (only,) = await asked(**ALL)
    assert isinstance(only, User)
    assert only.text.startswith(f"<s>{WHO}</s>\n<p>Your task: Count bees\n")
    assert only.text.endswith("</p>\n<r>")


async def test_a_system_template_alone_writes_the_system_message() -> None:
    system, user = await asked(system_template=SYSTEM)
    assert system == System(f"<s>{WHO}</s>")
    assert user.text.startswith("Your task: Count bees\n")


async def test_a_prompt_template_alone_writes_the_users() -> None:
    system, user = await asked(prompt_template=PROMPT)
    assert system == System(WHO)
    assert user.text.startswith("<p>Your task: Count bees\n")
    assert user.text.endswith("</p>")


async def test_without_a_system_prompt_both_stand_in_the_users_message() -> None:
    (only,) = await asked(system_template=SYSTEM, use_system_prompt=False)
    assert isinstance(only, User)
    assert only.text.startswith(f"<s>{WHO}</s>\n\nYour task: Count bees\n")


async def test_what_stands_behind_the_response_ends_it() -> None:
    output = await kickoff(ScriptedModel("three</r><p>And wasps?"), response_template=RESPONSE)
    assert output.raw == "three"


async def test_a_response_template_without_an_end_cuts_nothing() -> None:
    output = await kickoff(ScriptedModel("three</r>"), response_template="<r>{{ .Response }}")
    assert output.raw == "three</r>"


async def test_a_co_worker_has_its_own_templates() -> None:
    work = ("delegate_work_to_coworker", {"coworker": "Writer", "task": "Write"})
    model, writer = ScriptedModel(calls(work), "done"), ScriptedModel("a draft</r>")
    lead = agent_with(model, allow_delegation=True)
    crew = Crew(agents=[lead, agent_with(writer, role="Writer", **ALL)], tasks=[task_for(lead)])
    assert (await crew.kickoff_async()).raw == "done"
    assert writer.requests[0].messages[0].text.startswith("<s>You are Writer.")
    assert model.requests[1].messages[-1].text == "a draft"


async def test_tools_of_the_text_protocol_stand_in_the_system_part() -> None:
    class TextOnly(ScriptedModel):
        tool_protocol = "text"

    @tool
    async def look(at: str) -> str:
        """Look."""
        return at

    model = TextOnly("Final Answer: ok</r>")
    assert (await kickoff(model, tools=[look], **ALL)).raw == "ok"
    (only,) = model.requests[0].messages
    assert "- look: Look." in only.text.partition("</s>")[0]


# A conversation in place of a task


def talking(*talk: Message, templates: Templates | None = None, use_system_prompt: bool = True) -> list[Message]:
    persona = Persona("Analyst", "Find out", "Careful.", templates)
    return opening(persona, Assignment("", "", talk=talk), (), use_system_prompt=use_system_prompt)


HELLO, HI, HOW = User("hello"), Assistant("hi"), User("how?")
WHOLE = Templates(SYSTEM, PROMPT, RESPONSE)


def test_a_conversation_stands_behind_who_the_model_is() -> None:
    assert talking(HELLO, HI, HOW) == [System(WHO), HELLO, HI, HOW]
    assert talking(HELLO, System("Be brief."), HOW) == [System(f"{WHO}\n\nBe brief."), HELLO, HOW]


def test_without_a_system_prompt_who_the_model_is_stands_in_its_first_message() -> None:
    assert talking(HELLO, HI, HOW, use_system_prompt=False) == [User(f"{WHO}\n\nhello"), HI, HOW]
    assert talking(HI, HOW, use_system_prompt=False) == [User(WHO), HI, HOW]


def test_a_conversation_is_written_by_templates_too() -> None:
    (only,) = talking(HELLO, templates=WHOLE)
    assert only == User(f"<s>{WHO}</s>\n<p>hello</p>\n<r>")
    assert talking(HELLO, HI, HOW, templates=WHOLE) == [
        System(f"<s>{WHO}</s>"),
        HELLO,
        HI,
        User("<p>how?</p>\n<r>"),
    ]
    assert talking(HELLO, HI, templates=WHOLE) == [System(f"<s>{WHO}</s>"), HELLO, HI]


TALK = st.lists(
    st.builds(User, st.text(max_size=5)) | st.builds(Assistant, st.text(max_size=5)) | st.builds(System, st.text()),
    min_size=1,
    max_size=6,
)


@given(TALK, st.booleans())
def test_a_conversation_that_an_opening_gave_may_be_given_again(talk: list[Message], use_system_prompt: bool) -> None:
    once = talking(*talk, use_system_prompt=use_system_prompt)
    assert talking(*once, use_system_prompt=use_system_prompt) == once
