"""Answers in a form: however a model gives them, an instance comes out, or one error says what was wrong."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

from aiocrew.agent.converter import Converter
from aiocrew.crew.crew import Crew
from aiocrew.crew.task import Task
from aiocrew.errors import CallbackError, UnusableReplyError
from aiocrew.models.llm import LLM
from aiocrew.net.pool import aclose
from aiocrew.seeing.recorder import recording
from aiocrew.tools.decorator import tool
from aiocrew.types.events import LLMStreamChunk, ReplyRepaired
from aiocrew.types.messages import Assistant, Chunk, Reply, Request, User
from aiocrew.types.outputs import CrewOutput
from tests.crew.scenes import agent_with, task_for
from tests.doubles import ScriptedModel, calls
from tests.net.loopback import completion, http, serving


class Report(BaseModel):
    """A report."""

    title: str
    pages: int = Field(default=1, ge=1)


BEES = Report(title="Bees", pages=3)
TEXT = '{"title": "Bees", "pages": 3}'
SHAPING = 3
"""Replies that a form may take beyond max_iter."""


async def kickoff(model: Any, *, task: dict[str, Any] | None = None, **fields: Any) -> CrewOutput:
    agent = agent_with(model, **fields)
    work: Task[Any] = task_for(agent, **{"output_pydantic": Report, **(task or {})})
    return await Crew(agents=[agent], tasks=[work]).kickoff_async()


def words(request: Request) -> str:
    return "\n".join(message.text for message in request.messages)


# How it comes


async def test_json_in_the_text_is_the_answer_and_stands_in_the_output() -> None:
    output = await kickoff(ScriptedModel(TEXT))
    assert (output.pydantic, output.raw, output.to_dict()) == (BEES, TEXT, {"title": "Bees", "pages": 3})
    assert output.tasks_output[0].pydantic == BEES


async def test_output_json_gives_a_dict_and_its_text() -> None:
    output = await kickoff(ScriptedModel(TEXT), task={"output_pydantic": None, "output_json": Report})
    assert (output.json_dict, output.pydantic) == ({"title": "Bees", "pages": 3}, None)
    assert json.loads(output.json or "") == {"title": "Bees", "pages": 3}


async def test_a_call_in_the_forms_name_is_the_answer_and_other_calls_beside_it_do_not_run() -> None:
    ran: list[str] = []

    @tool
    async def look(at: str) -> str:
        """Look."""
        ran.append(at)
        return at

    model = ScriptedModel(calls(("look", {"at": "x"}), ("Report", {"title": "Bees", "pages": 3})))
    output = await kickoff(model, tools=[look])
    assert (output.pydantic, ran) == (BEES, [])
    assert json.loads(output.raw) == {"title": "Bees", "pages": 3}


async def test_a_tool_in_the_forms_name_stays_a_tool() -> None:
    @tool("Report")
    async def report(topic: str) -> str:
        """Look a report up."""
        return f"on {topic}"

    model = ScriptedModel(calls(("Report", {"topic": "bees"})), calls(("Report_answer", {"title": "Bees", "pages": 3})))
    output = await kickoff(model, tools=[report])
    assert output.pydantic == BEES
    assert model.requests[1].messages[-1].text == "on bees"
    assert model.requests[0].answer is not None
    assert model.requests[0].answer.name == "Report_answer"


async def test_a_model_of_ones_own_is_told_the_form_in_the_request_and_in_words() -> None:
    model = ScriptedModel(TEXT)
    await kickoff(model)
    assert model.requests[0].answer is not None
    assert model.requests[0].answer.name == "Report"
    assert "The answer must be one JSON object of this schema" in words(model.requests[0])


async def test_over_the_wire_the_schema_is_the_providers_to_keep() -> None:
    async with serving(completion(TEXT)) as provider:
        output = await kickoff(LLM("gpt-4o-mini", base_url=f"http://127.0.0.1:{provider.port}/v1", api_key="k"))
        sent = json.loads(provider.requests[0].body)
        await aclose()
    assert output.pydantic == BEES
    assert sent["response_format"]["json_schema"]["name"] == "Report"
    assert "schema" not in "".join(message["content"] for message in sent["messages"])


async def test_over_the_wire_an_answer_as_a_call_goes_back_as_text_when_it_is_wrong() -> None:
    def called(arguments: str) -> bytes:
        call = {"id": "c1", "type": "function", "function": {"name": "Report", "arguments": arguments}}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        return http({"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]})

    async with serving(called('{"pages": 3}'), called(TEXT)) as provider:
        llm = LLM("groq/llama-3.3-70b", base_url=f"http://127.0.0.1:{provider.port}/v1", api_key="k")
        output = await kickoff(llm)
        first, second = (json.loads(seen.body) for seen in provider.requests)
        await aclose()
    assert output.pydantic == BEES
    assert first["tool_choice"] == {"type": "function", "function": {"name": "Report"}}
    assert second["messages"][2] == {"role": "assistant", "content": '{"pages": 3}'}
    assert "title" in second["messages"][3]["content"]


async def test_a_streaming_model_is_understood_alike() -> None:
    class Words:
        streams = True

        async def reply(self, request: Request) -> Reply:
            raise AssertionError("it streams")

        async def stream(self, request: Request) -> Any:
            yield Chunk(TEXT[:9])
            yield Chunk(TEXT[9:])
            yield Reply(TEXT)

    with recording() as events:
        assert (await kickoff(Words())).pydantic == BEES
    assert "".join(event.text for event in events if isinstance(event, LLMStreamChunk)) == TEXT


async def test_in_the_text_protocol_the_final_answer_has_the_form_and_nothing_is_asked_for_natively() -> None:
    class TextOnly(ScriptedModel):
        tool_protocol = "text"

    @tool
    async def look(at: str) -> str:
        """Look."""
        return f"saw {at}"

    model = TextOnly(
        'Thought: look\nAction: look\nAction Input: {"at": "bees"}',
        "Thought: enough\nFinal Answer: three pages",
        f"Thought: as JSON\nFinal Answer: {TEXT}",
    )
    output = await kickoff(model, tools=[look])
    assert (output.pydantic, output.raw) == (BEES, TEXT)
    assert [request.answer for request in model.requests] == [None] * 3
    assert "one JSON object of this schema" in words(model.requests[0])
    assert model.requests[2].messages[-2] == Assistant("three pages")


async def test_the_form_of_the_llm_itself_is_that_of_its_tasks() -> None:
    async with serving(completion(TEXT)) as provider:
        llm = LLM("gpt-4o", base_url=f"http://127.0.0.1:{provider.port}/v1", api_key="k", response_format=Report)
        output = await kickoff(llm, task={"output_pydantic": None})
        await aclose()
    assert output.pydantic == BEES


# What is wrong goes back


async def test_prose_is_answered_with_what_is_missing_and_the_schema() -> None:
    model = ScriptedModel("It is about bees.", TEXT)
    with recording() as events:
        output = await kickoff(model)
    assert output.pydantic == BEES
    assert model.requests[1].messages[-2] == Assistant("It is about bees.")
    told = model.requests[1].messages[-1]
    assert isinstance(told, User)
    assert "there is no JSON object in the answer" in told.text
    assert '"title"' in told.text
    assert len([event for event in events if isinstance(event, ReplyRepaired)]) == 1


async def test_wrong_values_are_named() -> None:
    model = ScriptedModel('{"title": "Bees", "pages": 0}', TEXT)
    assert (await kickoff(model)).pydantic == BEES
    assert "- pages: Input should be greater than or equal to 1" in model.requests[1].messages[-1].text


async def test_it_ends_after_max_retry_limit_with_the_last_problem() -> None:
    model = ScriptedModel(by=lambda _: '{"pages": 2}')
    with pytest.raises(UnusableReplyError, match=r"in 3 replies of attempt 2; .*\n- title: Field required"):
        await kickoff(model, max_retry_limit=1)
    assert len(model.requests) == 2 * 3


async def test_other_faults_each_time_end_it_too() -> None:
    numbers = iter(range(1, 1_000))
    model = ScriptedModel(by=lambda _: json.dumps({"title": "Bees", "pages": -next(numbers), "x" * next(numbers): 1}))
    with pytest.raises(UnusableReplyError):
        await kickoff(model, max_iter=4, max_retry_limit=0)
    assert len(model.requests) <= 4 + SHAPING


async def test_with_max_iter_1_there_is_still_room_to_bring_an_answer_into_its_form() -> None:
    @tool
    async def look(at: str) -> str:
        """Look."""
        return at

    model = ScriptedModel(calls(("look", {"at": "bees"})), "bees, three pages", TEXT)
    output = await kickoff(model, tools=[look], max_iter=1, max_retry_limit=0)
    assert output.pydantic == BEES
    assert [request.tool_choice for request in model.requests] == ["auto", "none", "none"]
    assert sum("No more tool calls" in words(request) for request in model.requests) == 2


async def test_no_user_speaks_twice_in_a_row() -> None:
    model = ScriptedModel("", "", TEXT)
    await kickoff(model, max_iter=1, max_retry_limit=0)
    for request in model.requests:
        kinds = [type(message) for message in request.messages]
        assert all(kinds[n] is not kinds[n + 1] for n in range(len(kinds) - 1)), kinds


# Tools whose result is the answer


async def test_a_result_as_answer_in_the_form_ends_the_task() -> None:
    @tool(result_as_answer=True)
    async def look(at: str) -> str:
        """Look."""
        return TEXT

    assert (await kickoff(ScriptedModel(calls(("look", {"at": "x"}))), tools=[look])).pydantic == BEES


async def test_a_result_as_answer_without_the_form_is_brought_into_it_by_the_model() -> None:
    @tool(result_as_answer=True)
    async def look(at: str) -> str:
        """Look."""
        return "three pages on bees"

    model = ScriptedModel(calls(("look", {"at": "x"})), TEXT)
    assert (await kickoff(model, tools=[look])).pydantic == BEES
    assert model.requests[1].messages[-1].text == "three pages on bees"


# Others who bring it into its form


async def test_the_function_calling_llm_converts_what_the_agents_own_model_says_in_prose() -> None:
    model, clerk = ScriptedModel("Three pages on bees."), ScriptedModel("hm", TEXT)
    output = await kickoff(model, function_calling_llm=clerk)
    assert (output.pydantic, output.token_usage.successful_requests) == (BEES, 3)
    assert "Three pages on bees." in words(clerk.requests[0])
    assert clerk.requests[0].tools == ()


async def test_where_the_function_calling_llm_fails_too_the_agents_model_is_told_what_was_wrong() -> None:
    model, clerk = ScriptedModel('{"pages": 2}', TEXT), ScriptedModel(by=lambda _: Reply("", refusal="no"))
    assert (await kickoff(model, function_calling_llm=clerk)).pydantic == BEES
    assert "- title: Field required" in model.requests[1].messages[-1].text

    model, clerk = ScriptedModel("prose", TEXT), ScriptedModel(by=lambda _: "prose")
    assert (await kickoff(model, function_calling_llm=clerk)).pydantic == BEES
    assert len(clerk.requests) == 3


async def test_a_converter_class_makes_the_instance_of_whatever_was_said() -> None:
    class ByWords(Converter):
        def to_pydantic(self, current_attempt: int = 1) -> BaseModel:
            title, pages = self.text.split(",")
            return Report(title=title, pages=int(pages))

    model = ScriptedModel("Bees,3")
    output = await kickoff(model, task={"converter_cls": ByWords})
    assert (output.pydantic, output.raw) == (BEES, "Bees,3")
    assert model.requests[0].answer is None


class Dated(BaseModel):
    model_config = ConfigDict(strict=True)

    day: date = Field(alias="onDay")


async def test_what_a_converter_makes_may_be_strict_and_have_aliases() -> None:
    class ByWords(Converter):
        def to_pydantic(self, current_attempt: int = 1) -> BaseModel:
            return Dated(onDay=date.fromisoformat(self.text))

    output = await kickoff(ScriptedModel("2026-01-02"), task={"output_pydantic": Dated, "converter_cls": ByWords})
    assert output.pydantic == Dated(onDay=date(2026, 1, 2))


async def test_a_converter_that_raises_or_gives_something_else_is_named() -> None:
    class Broken(Converter):
        def to_pydantic(self, current_attempt: int = 1) -> BaseModel:
            raise LookupError("no such bee")

    class Other(Converter):
        def to_pydantic(self, current_attempt: int = 1) -> BaseModel:
            return Dated(onDay=date(2026, 1, 2))

    with pytest.raises(CallbackError, match="converter_cls raised LookupError") as caught:
        await kickoff(ScriptedModel("x"), task={"converter_cls": Broken})
    assert caught.value.callback == "converter_cls"
    with pytest.raises(CallbackError, match=r"(?s)gave something that is no Report: .*title"):
        await kickoff(ScriptedModel("x"), task={"converter_cls": Other})
