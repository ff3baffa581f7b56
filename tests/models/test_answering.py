"""LLM.call with a class: an instance of it comes back, after corrections if need be."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from aiocrew.errors import BlueprintError, ModelRefusedError, UnusableReplyError
from aiocrew.models.answers import answer_spec
from aiocrew.models.llm import LLM
from aiocrew.models.resolved import ResolvedModel
from aiocrew.net.pool import aclose
from aiocrew.types.messages import Assistant, Reply, Request, ToolCall, User
from tests.net.loopback import completion, http, serving


class Answer(BaseModel):
    """What was found."""

    name: str
    score: int = 0


ADA = Answer(name="Ada", score=3)
WORDS = f"The answer must be one JSON object of this schema:\n{bytes(answer_spec(Answer).schema).decode()}"
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}


class Scripted:
    """A model of one's own that gives these replies and keeps what it was asked."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.asked: list[Request] = []

    async def reply(self, request: Request) -> Reply:
        self.asked.append(request)
        return self.replies.pop(0)


class ScriptedLLM(LLM):
    scripts: ClassVar[dict[str, ResolvedModel]] = {}

    def resolve(self) -> ResolvedModel:
        return self.scripts[self.model or ""]


def scripted(*replies: Reply, protocol: Any = "auto", **fields: Any) -> tuple[ScriptedLLM, list[Request]]:
    model = Scripted(*replies)
    ScriptedLLM.scripts["m"] = ResolvedModel(model, "own", protocol, stream=False)
    return ScriptedLLM("m", **fields), model.asked


def tool_call(name: str, arguments: str) -> bytes:
    call = {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    return http({"model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]})


async def test_a_class_as_response_format_gives_an_instance() -> None:
    llm, asked = scripted(Reply('Here: {"name": "Ada", "score": 3}'), response_format=Answer)
    assert await llm.acall("Who?") == ADA
    assert asked == [Request((User(f"Who?\n\n{WORDS}"),), answer=answer_spec(Answer))]


async def test_a_response_model_comes_before_the_llms_own_format() -> None:
    llm, _ = scripted(Reply('{"name": "Ada", "score": 3}'), response_format={"type": "json_object"})
    found = await llm.acall("Who?", response_model=Answer)
    assert found.score == 3


async def test_a_dict_as_response_format_gives_the_text() -> None:
    llm, asked = scripted(Reply('{"name": "Ada"}'), response_format={"type": "json_object"})
    assert await llm.acall("Who?") == '{"name": "Ada"}'
    assert asked == [Request((User("Who?"),))]


async def test_an_answer_without_its_form_goes_back_with_its_problems() -> None:
    llm, asked = scripted(Reply('{"score": "high"}'), Reply(""), Reply('{"name": "Ada", "score": 3}'))
    assert await llm.acall("Who?", response_model=Answer) == ADA
    first, second, third = (request.messages for request in asked)
    assert second[: len(first)] == first
    assert second[len(first)] == Assistant('{"score": "high"}')
    assert isinstance(second[-1], User)
    assert "- name: Field required" in second[-1].text
    assert second[-1].text.endswith(WORDS)
    # An empty reply leaves nothing to show: the next correction joins the one before.
    assert len(third) == len(second)
    assert isinstance(third[-1], User)
    assert third[-1].text.startswith(f"{second[-1].text}\n\n")
    assert "the answer is empty" in third[-1].text


async def test_after_two_corrections_it_is_over() -> None:
    llm, asked = scripted(*[Reply("Ada", finish_reason="length")] * 4)
    with pytest.raises(UnusableReplyError, match=r"own gave no Answer in 3 replies.*max_tokens.*no JSON object"):
        await llm.acall("Who?", response_model=Answer)
    assert len(asked) == 3


async def test_tools_may_be_called_before_the_answer() -> None:
    replies = [Reply("", (ToolCall("c", "look_up", "{}"),))] * 2
    llm, _ = scripted(*replies)
    assert await llm.acall("Who?", [TOOL], response_model=Answer, available_functions={"look_up": lambda: 42}) == "42"
    assert json.loads(await llm.acall("Who?", [TOOL], response_model=Answer))[0]["name"] == "look_up"


async def test_a_tool_with_the_name_of_the_class_is_no_answer() -> None:
    tool = {"type": "function", "function": {"name": "Answer", "parameters": {"type": "object"}}}
    calls = [Reply("", (ToolCall("c", name, '{"name": "Ada", "score": 3}'),)) for name in ("Answer", "Answer_answer")]
    llm, _ = scripted(*calls)
    assert await llm.acall("Who?", [tool], response_model=Answer, available_functions={"Answer": lambda **_: 1}) == "1"
    assert await llm.acall("Who?", [tool], response_model=Answer) == ADA


async def test_a_model_of_the_text_protocol_is_told_in_words_only() -> None:
    llm, asked = scripted(Reply('{"name": "Ada", "score": 3}'), protocol="text")
    assert await llm.acall("Who?", response_model=Answer) == ADA
    assert asked == [Request((User(f"Who?\n\n{WORDS}"),))]


async def test_a_refusal_is_no_answer_to_correct() -> None:
    llm, asked = scripted(Reply("", refusal="I will not"))
    with pytest.raises(ModelRefusedError, match="I will not"):
        await llm.acall("Who?", response_model=Answer)
    assert len(asked) == 1


async def test_a_class_that_can_be_no_answer_is_refused_before_anything_is_sent() -> None:
    class Never(BaseModel):
        function: Callable[[], int]

    llm, asked = scripted()
    with pytest.raises(BlueprintError, match="Never cannot be the form of an answer"):
        await llm.acall("Who?", response_model=Never)
    assert asked == []


def test_call_gives_the_instance_without_a_loop() -> None:
    found = LLM("offline/instant").call("Rate the book 'Dune' from 1 to 10.", response_model=Answer)
    assert found == Answer(name="Dune", score=0)
    assert LLM("offline/instant", response_format=Answer).call("Rate the book 'Dune'.") == found


# On the wire


async def test_openai_is_sent_a_strict_schema_and_corrected_in_the_same_conversation() -> None:
    async with serving(completion('{"score": 1}'), completion('{"name": "Ada", "score": 3}')) as provider:
        llm = LLM("gpt-4o-mini", base_url=f"http://127.0.0.1:{provider.port}/v1", api_key="k", response_format=Answer)
        assert await llm.acall("Who?") == ADA
        first, second = (json.loads(seen.body) for seen in provider.requests)
        await aclose()
    assert first["messages"] == [{"role": "user", "content": "Who?"}]
    assert first["response_format"] == second["response_format"]
    assert first["response_format"]["json_schema"]["strict"] is True
    assert first["response_format"]["json_schema"]["schema"]["required"] == ["name", "score"]
    assert "tools" not in first
    assert [message["role"] for message in second["messages"]] == ["user", "assistant", "user"]


async def test_another_server_is_made_to_call_the_answer_as_a_tool() -> None:
    async with serving(tool_call("Answer", '{"name": "Ada", "score": 3}')) as provider:
        llm = LLM("some-model", base_url=f"http://127.0.0.1:{provider.port}/v1", response_format=Answer)
        assert await llm.acall("Who?") == ADA
        sent = json.loads(provider.requests[0].body)
        await aclose()
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["Answer"]
    assert sent["tool_choice"] == "required"
    assert "response_format" not in sent


async def test_a_model_with_neither_is_told_in_words() -> None:
    async with serving(completion('```json\n{"name": "Ada", "score": 3}\n```')) as provider:
        llm = LLM("deepseek/deepseek-reasoner", base_url=f"http://127.0.0.1:{provider.port}/v1", response_format=Answer)
        assert await llm.acall("Who?") == ADA
        sent = json.loads(provider.requests[0].body)
        await aclose()
    assert sent == {"model": "deepseek-reasoner", "messages": [{"role": "user", "content": f"Who?\n\n{WORDS}"}]}
