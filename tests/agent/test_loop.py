"""The loop of an agent, with scripted models."""

from __future__ import annotations

import msgspec
import pytest

from aiocrew.agent.record import AgentAction, AgentFinish
from aiocrew.crew.crew import Crew
from aiocrew.errors import CallbackError, ModelRefusedError, RateLimitError, UnusableReplyError
from aiocrew.models.llm import LLM
from aiocrew.seeing.recorder import recording
from aiocrew.tools.decorator import tool
from aiocrew.types.events import LLMStreamChunk, ReplyRepaired, ToolUsageError
from aiocrew.types.messages import Assistant, Chunk, Reply, System, ToolResult, User
from tests.crew.scenes import agent_with, task_for
from tests.doubles import ScriptedModel, calls, prompt


@tool("Add numbers")
async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def kickoff(model, *, task=None, **fields):
    agent = agent_with(model, **fields)
    return Crew(agents=[agent], tasks=[task_for(agent, **(task or {}))]).kickoff_async()


async def test_tool_results_come_back_under_their_calls():
    opaque = {"reasoning": msgspec.Raw(b'"because"')}
    asked = calls(("add_numbers", {"a": 1, "b": 2}), ("add_numbers", {"a": 3, "b": 4}), text="adding")
    asked = msgspec.structs.replace(asked, opaque=opaque)
    model = ScriptedModel(asked, "3 and 7")
    output = await kickoff(model, tools=[add])
    system, user, said, first, second = model.requests[1].messages
    assert isinstance(system, System)
    assert isinstance(user, User)
    assert said == Assistant("adding", asked.calls, opaque)
    assert (first, second) == (ToolResult("c0", "add_numbers", "3"), ToolResult("c1", "add_numbers", "7"))
    assert [spec.name for spec in model.requests[0].tools] == ["add_numbers"]
    assert output.raw == "3 and 7"
    assert output.token_usage.successful_requests == 2


async def test_a_tasks_tools_take_the_place_of_the_agents():
    @tool
    async def other(x: str) -> str:
        """Another one."""
        return x

    model = ScriptedModel("ok")
    await kickoff(model, tools=[add], task={"tools": [other]})
    assert [spec.name for spec in model.requests[0].tools] == ["other"]


async def test_the_text_protocol_offers_and_calls_tools_in_text():
    class TextOnly(ScriptedModel):
        tool_protocol = "text"

    model = TextOnly(
        'Thought: add\nAction: Add numbers\nAction Input: {"a": 2, "b": 2}\nObservation: 5\nFinal Answer: 5',
        "Thought: done\nFinal Answer: 4",
    )
    output = await kickoff(model, tools=[add])
    assert output.raw == "4"
    assert model.requests[0].tools == ()
    assert "add_numbers" in model.requests[0].messages[0].text
    assert model.requests[1].messages[-2].text.endswith('{"a": 2, "b": 2}')
    assert model.requests[1].messages[-1] == User("Observation: 4")


async def test_with_auto_a_text_call_of_an_offered_tool_is_understood():
    model = ScriptedModel('Action: add_numbers\nAction Input: {"a": 1, "b": 1}', "Final Answer: 2")
    output = await kickoff(model, tools=[add])
    assert output.raw == "2"
    assert model.requests[1].messages[-1] == User("Observation: 2")


async def test_an_unusable_reply_is_corrected():
    model = ScriptedModel("", "answer")
    with recording() as events:
        output = await kickoff(model)
    assert output.raw == "answer"
    assert "it is empty" in model.requests[1].messages[-1].text
    assert [event.problem for event in events if isinstance(event, ReplyRepaired)] == ["it is empty"]


async def test_after_max_iter_it_must_answer_without_tools():
    again = calls(("add_numbers", {"a": 1, "b": 1}))
    model = ScriptedModel(again, again, "enough")
    output = await kickoff(model, tools=[add], max_iter=2)
    assert output.raw == "enough"
    assert [request.tool_choice for request in model.requests] == ["auto", "auto", "none"]
    assert "No more tool calls" in model.requests[2].messages[-1].text


async def test_a_rerun_after_unusable_replies_does_not_run_finished_calls_again():
    ran = []

    @tool
    async def charge(amount: int) -> str:
        """Charge the customer."""
        ran.append(amount)
        return f"charged {amount}"

    ask = calls(("charge", {"amount": 5}))
    model = ScriptedModel(ask, "", ask, "done")
    agent = agent_with(model, tools=[charge], max_iter=1)
    output = await Crew(agents=[agent], tasks=[task_for(agent)]).kickoff_async()
    assert output.raw == "done"
    assert ran == [5]
    assert model.requests[3].messages[3].text == "charged 5"
    assert agent.tools_results == [{"result": "charged 5", "tool_name": "charge", "tool_args": {"amount": 5}}]


async def test_after_max_retry_limit_the_last_problem_is_told():
    model = ScriptedModel(by=lambda _: "")
    with pytest.raises(UnusableReplyError, match=r"in 2 replies of attempt 3; .*it is empty.*agent 'Analyst'"):
        await kickoff(model, max_iter=1, max_retry_limit=2)
    assert len(model.requests) == 6


async def test_provider_and_callback_errors_are_not_rerun():
    model = ScriptedModel(RateLimitError("slow", model="m"))
    with pytest.raises(RateLimitError):
        await kickoff(model)
    assert len(model.requests) == 1

    def explode(step):
        raise ValueError("no")

    model = ScriptedModel("ok", "ok")
    with pytest.raises(CallbackError, match="explode"):
        await kickoff(model, step_callback=explode)
    assert len(model.requests) == 1


async def test_a_refusal_is_an_error_of_its_own():
    with pytest.raises(ModelRefusedError, match="declined to answer: I cannot") as caught:
        await kickoff(ScriptedModel(Reply("", refusal="I cannot")))
    assert caught.value.refusal == "I cannot"


async def test_what_a_tool_raises_is_told_to_the_model():
    @tool
    def broken(x: str) -> str:
        """Break."""
        raise ZeroDivisionError("by zero")

    model = ScriptedModel(calls(("broken", {"x": "1"})), "could not")
    with recording() as events:
        output = await kickoff(model, tools=[broken])
    assert output.raw == "could not"
    assert "ZeroDivisionError: by zero" in model.requests[1].messages[-1].text
    assert [event.tool for event in events if isinstance(event, ToolUsageError)] == ["broken"]


async def test_result_as_answer_ends_the_task():
    @tool("Report", result_as_answer=True)
    async def report(x: str) -> str:
        """Report."""
        return f"the report on {x}"

    model = ScriptedModel(calls(("report", {"x": "whales"})))
    assert (await kickoff(model, tools=[report])).raw == "the report on whales"


async def test_step_callbacks_hear_actions_in_order_and_the_finish():
    heard = []
    asked = calls(("add_numbers", {"a": 1, "b": 2}), ("add_numbers", {"a": 3, "b": 4}))
    await kickoff(ScriptedModel(asked, "10"), tools=[add], step_callback=heard.append)
    assert [(type(step), getattr(step, "result", None)) for step in heard] == [
        (AgentAction, "3"),
        (AgentAction, "7"),
        (AgentFinish, None),
    ]
    assert heard[-1].output == "10"


async def test_without_a_system_prompt_everything_is_the_users():
    model = ScriptedModel("ok")
    await kickoff(model, use_system_prompt=False)
    (only,) = model.requests[0].messages
    assert isinstance(only, User)
    assert "You are Analyst" in only.text
    assert "Work on {topic}" in only.text


async def test_a_model_of_ten_lines_may_stream():
    class Words:
        streams = True

        async def reply(self, request):
            raise AssertionError("not asked to stream")

        async def stream(self, request):
            for word in prompt(request).split()[:3]:
                yield Chunk(word)
            yield Reply("whole")

    with recording() as events:
        output = await kickoff(Words())
    assert output.raw == "whole"
    assert [event.text for event in events if isinstance(event, LLMStreamChunk)] == ["Your", "task:", "Work"]


async def test_the_same_fault_three_times_in_a_row_ends_the_attempt():
    model = ScriptedModel(by=lambda _: Reply("", finish_reason="length"))
    with pytest.raises(UnusableReplyError, match=r"in 3 replies of attempt 2; the last one: .*max_tokens"):
        await kickoff(model, max_retry_limit=1)
    assert len(model.requests) == 6


async def test_the_callbacks_of_an_llm_hear_of_each_call_and_one_that_fails_is_named():
    heard = []

    def hear(kwargs, response, start, end):
        heard.append((kwargs["messages"][0]["role"], response.choices[0].message.content))

    def fails(response):
        raise LookupError("gone")

    output = await kickoff(LLM("offline/instant", callbacks=[hear]))
    assert heard == [("system", output.raw)]
    with pytest.raises(CallbackError, match=r"^callback .*fails raised LookupError") as caught:
        await kickoff(LLM("offline/instant", callbacks=[hear, fails]))
    assert caught.value.callback.endswith("fails")
    assert isinstance(caught.value.__cause__, LookupError)
