"""Models that say what a test wants them to say."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import BaseModel

from aiocrew import Agent, Crew, Reply, Request, Task, ToolResult, User, tool
from aiocrew.errors import ModelTimeoutError
from aiocrew.seeing.recorder import recording
from aiocrew.testing import FunctionModel, ScriptedModel, ScriptError, calls, prompt, structured
from aiocrew.types.events import LLMStreamChunk
from tests.crew.scenes import agent_with, one_task_crew, task_for

REQUEST = Request((User("hello"),))


async def test_answers_come_in_order_and_the_requests_are_kept() -> None:
    model = ScriptedModel("one", Reply("two"))
    assert [(await model.reply(REQUEST)).text for _ in range(2)] == ["one", "two"]
    assert model.requests == [REQUEST, REQUEST]


async def test_an_exception_in_the_script_is_raised() -> None:
    with pytest.raises(ModelTimeoutError, match="too late"):
        await ScriptedModel(ModelTimeoutError("too late")).reply(REQUEST)


async def test_a_script_that_runs_out_says_which_request_had_no_answer() -> None:
    model = ScriptedModel("one")
    await model.reply(REQUEST)
    with pytest.raises(ScriptError, match=r"had one answer and .* request 2 has 1 messages .*\(User\) says 'hello'"):
        await model.reply(REQUEST)


async def test_a_crew_whose_script_runs_out_fails_with_that() -> None:
    with pytest.raises(ScriptError, match="had 0 answers"):
        await one_task_crew(ScriptedModel()).kickoff_async({"topic": "tea"})


async def test_it_counts_the_calls_in_flight() -> None:
    model = ScriptedModel(by=prompt, delay_s=0.01)
    asked = [asyncio.create_task(model.reply(REQUEST)) for _ in range(3)]
    await model.reached(2)
    await model.reached(3)
    assert model.in_flight == 3
    await asyncio.gather(*asked)
    assert (model.in_flight, model.peak) == (0, 3)


@pytest.mark.parametrize("answer", ["a text", Reply("a text")])
async def test_a_function_may_be_plain_or_async(answer: str | Reply) -> None:
    async def later(request: Request) -> str | Reply:
        await asyncio.sleep(0)
        return answer

    for function in (lambda request: answer, later):
        assert (await FunctionModel(function).reply(REQUEST)).text == "a text"


async def test_what_a_function_raises_or_returns_as_an_exception_is_raised() -> None:
    def raises(request: Request) -> str:
        raise ModelTimeoutError("raised")

    for function in (raises, lambda request: ModelTimeoutError("raised")):
        with pytest.raises(ModelTimeoutError, match="raised"):
            await FunctionModel(function).reply(REQUEST)


async def test_tools_are_called_as_the_script_says() -> None:
    @tool
    def look_up(key: str) -> str:
        """Look a key up."""
        return f"<{key}>"

    model = ScriptedModel(calls(("look_up", {"key": "tea"})), "It is green.")
    agent = agent_with(model, tools=[look_up])
    output = await Crew(agents=[agent], tasks=[task_for(agent, "Look tea up")]).kickoff_async()
    assert output.raw == "It is green."
    assert [message.text for message in model.requests[1].messages if isinstance(message, ToolResult)] == ["<tea>"]


class Grade(BaseModel):
    points: int


@pytest.mark.parametrize("answer", [Grade(points=3), {"points": 3}])
async def test_a_structured_answer_is_read_as_one(answer: Grade | dict[str, int]) -> None:
    agent = agent_with(ScriptedModel(structured(answer)))
    task = Task(description="Grade it", expected_output="points", agent=agent, output_pydantic=Grade)
    output = await Crew(agents=[agent], tasks=[task]).kickoff_async()
    assert output.pydantic == Grade(points=3)


@pytest.mark.parametrize("make", [ScriptedModel, lambda text, **more: FunctionModel(lambda request: text, **more)])
async def test_it_streams_word_by_word_where_it_is_asked_to(make: type[ScriptedModel]) -> None:
    agent = Agent(role="R", goal="g", backstory="b", llm=make("three small words", streams=True))
    with recording() as events:
        answer = await agent.kickoff_async("Speak")
    assert answer.raw == "three small words"
    assert [event.text for event in events if isinstance(event, LLMStreamChunk)] == ["three ", "small ", "words"]
