"""The offline model: deterministic, sensible with tools, true to the shape asked for, honest."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any, Literal
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from aiocrew.aio.runtime import local_runtime
from aiocrew.errors import BlueprintError
from aiocrew.models.answers import answer_spec, read_answer
from aiocrew.models.offline import OfflineModel, offline_model, reply_to
from aiocrew.models.offline_answer import HONEST
from aiocrew.models.offline_arguments import filled_in
from aiocrew.types.context import Here, Readers, RunContext, Runtime, here
from aiocrew.types.messages import Chunk, Message, Reply, Request, System, ToolResult, ToolSpec, User
from aiocrew.types.paths import ROOT


def tool(name: str, description: str, **properties: Any) -> ToolSpec:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return ToolSpec(name, description, msgspec.Raw(json.dumps(schema).encode()))


SEARCH = tool("search_web", "Search the web for a topic", query={"type": "string"})
MAIL = tool("send_mail", "Send a mail to a person", to={"type": "string"})
ADD = tool("add", "Add two numbers", a={"type": "integer"}, b={"type": "integer"})


def task(text: str, expected: str = "", context: str = "") -> tuple[Message, ...]:
    parts = [f"Your task: {text}\n"]
    parts += [f"The answer must be: {expected}\n"] if expected else []
    parts += [f"What is known so far:\n{context}\n"] if context else []
    return (
        System("You are a researcher.\nYour goal: find out"),
        User("\n".join([*parts, "Reply with the complete answer itself."])),
    )


def test_exactly_is_exactly() -> None:
    assert reply_to(Request(task("Reply with exactly: {42} - done"))).text == "{42} - done"
    assert reply_to(Request((User("Please answer with exactly: 'yes'"),), (SEARCH,))).text == "yes"


def test_it_calls_the_tool_that_fits_with_the_tasks_words() -> None:
    reply = reply_to(Request(task("Search the web about asyncio in 2026."), (MAIL, SEARCH)))
    assert [(call.name, call.arguments) for call in reply.calls] == [("search_web", '{"query":"asyncio in 2026"}')]
    assert (reply.text, reply.finish_reason) == ("", "tool_calls")
    sums = reply_to(Request(task("Add 17 and 25."), (SEARCH, ADD)))
    assert [(call.name, json.loads(call.arguments)) for call in sums.calls] == [("add", {"a": 17, "b": 25})]


def test_after_a_result_it_answers_with_what_the_tools_and_the_context_gave() -> None:
    messages = task("Compare asyncio and threads. Be brief.", "A paragraph", "Threads cost memory.")
    call = reply_to(Request(messages, (SEARCH,))).message()
    reply = reply_to(
        Request((*messages, call, ToolResult(call.calls[0].id, "search_web", "asyncio is light")), (SEARCH,))
    )
    assert reply.calls == ()
    for words in ("Compare asyncio and threads.", "asyncio is light", "Threads cost memory.", "A paragraph", HONEST):
        assert words in reply.text


def test_it_calls_nothing_where_it_may_not_and_always_where_it_must() -> None:
    messages = (*task("Search the web"), ToolResult("c", "search_web", "found"))
    assert reply_to(Request(task("Search the web"), (SEARCH,), "none")).calls == ()
    assert len(reply_to(Request(messages, (SEARCH,), "required")).calls) == 1


@pytest.mark.parametrize(
    ("asked", "count"), [("3 bullet points", 3), ("five short key facts", 5), ("A list of 2 ideas", 2)]
)
def test_bullets(asked: str, count: int) -> None:
    text = reply_to(Request(task("Write about tea.", asked, "Tea is hot.\nTea is green."))).text
    assert sum(line.startswith("- ") for line in text.splitlines()) == count
    assert "- Tea is hot." in text
    assert HONEST in text


def test_words() -> None:
    text = reply_to(Request(task("Write about tea.", "A summary in 50 words"))).text
    assert len(text.removesuffix(HONEST).split()) == 50


def test_json() -> None:
    schema = {
        "properties": {"title": {"type": "string"}, "score": {"type": "integer", "minimum": 5}},
        "required": ["title", "score"],
    }
    text = reply_to(Request(task("Rate the book 'Dune'.", f"JSON that keeps to {json.dumps(schema)}"))).text
    assert json.loads(text) == {"title": "Dune", "score": 5}
    free = json.loads(reply_to(Request(task("Rate the book 'Dune'.", "JSON"))).text)
    assert (free["subject"], free["note"]) == ("Dune", HONEST)


def test_the_text_protocol() -> None:
    told = System(
        "You can use these tools:\n- search_web: Search the web\n  arguments (JSON schema): "
        f"{bytes(SEARCH.parameters).decode()}\n\nThought: ...\nAction: ...\nAction Input: ..."
    )
    question = task("Search the web about tea.")[1]
    asked = reply_to(Request((told, question)))
    assert asked.text.endswith('Action: search_web\nAction Input: {"query":"tea"}')
    assert (asked.calls, asked.finish_reason) == ((), "stop")
    answered = reply_to(Request((told, question, asked.message(), User("Observation: tea is hot"))))
    assert "\nFinal Answer: " in answered.text
    assert "tea is hot" in answered.text


def test_a_correction_is_no_new_task() -> None:
    messages = (
        *task("Search the web about tea."),
        User("Your last reply could not be used: it is empty. Reply again."),
    )
    assert "about tea" in reply_to(Request(messages)).text


def test_values_of_every_kind() -> None:
    schema = {
        "$defs": {"Place": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}},
        "type": "object",
        "properties": {
            "kind": {"enum": ["a", "b"]},
            "limit": {"type": "integer", "default": 10},
            "ratio": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
            "deep": {"type": "boolean"},
            "tags": {"type": "array", "items": {"type": "string", "maxLength": 2}, "minItems": 2},
            "place": {"$ref": "#/$defs/Place"},
            "maybe": {"anyOf": [{"type": "null"}, {"type": "integer", "maximum": 2}]},
            "url": {"type": "string"},
            "optional": {"type": "string"},
        },
        "required": ["kind", "limit", "ratio", "deep", "tags", "place", "maybe", "url"],
    }
    assert filled_in(json.dumps(schema).encode(), subject="tea", task="no numbers") == {
        "kind": "a",
        "limit": 10,
        "ratio": 1,
        "deep": True,
        "tags": ["te", "te"],
        "place": {"city": "tea"},
        "maybe": 2,
        "url": "https://example.com/",
    }
    assert filled_in(b'{"properties": {"n": {"type": "integer"}, "q": {"type": "string"}}}', subject="x", task="") == {
        "q": "x"
    }
    tree = (
        b'{"$ref": "#/$defs/T", "$defs": {"T": {"properties": {"next": {"$ref": "#/$defs/T"}}, "required": ["next"]}}}'
    )
    assert isinstance(filled_in(tree, subject="x", task=""), dict)


class Mood(Enum):
    GOOD = "good"
    BAD = "bad"


class Node(BaseModel):
    share: float = Field(gt=0, lt=1)
    children: list[Node]
    next: Node | None


class Report(BaseModel):
    title: str = Field(min_length=20, max_length=25)
    mood: Mood
    score: int = Field(ge=11, le=20)
    weeks: int = Field(multiple_of=7, ge=8)
    sources: list[str] = Field(min_length=2)
    tags: set[str] = Field(min_length=3)
    pair: tuple[int, str]
    tree: Node
    day: date | None = None
    took: timedelta
    made: datetime
    id: UUID
    by_name: dict[str, int]
    kind: Literal["a", "b"]
    remark: str | None = None


def test_an_answer_in_a_form_is_one_of_its_class() -> None:
    request = Request(task("Find 3 facts about tea.", "A list of 3 points"), answer=answer_spec(Report))
    found = read_answer(Report, reply_to(request).text)
    assert isinstance(found, Report)
    assert (found.sources, found.remark, found.score) == (["tea", "tea"], "tea", 11)


def test_a_form_in_words_is_kept_to_as_well() -> None:
    words = f"The answer must be one JSON object of this schema:\n{bytes(answer_spec(Report).schema).decode()}"
    before, question = task("Find 3 facts about tea.", "A list of 3 points")
    told = User(question.text.replace("Reply with the complete answer", f"{words}\n\nReply with the complete answer"))
    by_words = reply_to(Request((before, told)))
    assert isinstance(read_answer(Report, by_words.text), Report)
    assert by_words.text == reply_to(Request((before, question), answer=answer_spec(Report))).text
    in_protocol = System("You can use these tools:\n\nAction Input: its arguments")
    assert isinstance(
        read_answer(Report, reply_to(Request((in_protocol, told))).text.partition("Final Answer: ")[2]), Report
    )


def test_tools_are_called_before_an_answer_in_a_form_unless_it_is_due() -> None:
    messages = task("Search the web about tea.")
    asked = reply_to(Request(messages, (SEARCH,), answer=answer_spec(Report)))
    assert [call.name for call in asked.calls] == ["search_web"]
    for choice in ("none", "required"):
        due = reply_to(Request(messages, (SEARCH,), choice, answer=answer_spec(Report)))
        assert due.calls == ()
        assert isinstance(read_answer(Report, due.text), Report)


def test_an_exact_answer_is_given_in_a_form_only_where_it_may_have_one() -> None:
    exact = Request(task('Reply with exactly: {"share": 0.1, "children": [], "next": null}'), answer=answer_spec(Node))
    assert read_answer(Node, reply_to(exact).text) == Node(share=0.1, children=[], next=None)
    other = Request(task("Reply with exactly: ok"), answer=answer_spec(Node))
    assert isinstance(read_answer(Node, reply_to(other).text), Node)


@given(
    st.lists(
        st.one_of(
            st.builds(User, st.text()),
            st.builds(System, st.text()),
            st.builds(ToolResult, st.text(), st.text(), st.text()),
        )
    )
)
def test_the_same_request_gets_the_same_reply(messages: list[Message]) -> None:
    request = Request(tuple(messages), (SEARCH, ADD))
    reply = reply_to(request)
    assert reply == reply_to(request)
    assert reply.text or reply.calls
    assert reply.usage.completion_tokens > 0


@pytest.mark.parametrize(
    ("name", "latency_s"), [("demo", 0.3), ("instant", 0.0), ("200ms", 0.2), ("2s", 2.0), ("1.5s", 1.5)]
)
def test_its_latency_stands_in_its_name(name: str, latency_s: float) -> None:
    assert offline_model(name).latency_s == latency_s
    assert offline_model(name) is offline_model(name)


@pytest.mark.parametrize("name", ["", "gpt", "5", "-1s"])
def test_any_other_name_says_what_there_is(name: str) -> None:
    with pytest.raises(BlueprintError, match="offline/instant"):
        offline_model(name)


class Sleepless:
    """A clock that only counts."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def monotonic_s(self) -> float:
        return 0.0

    def wall_s(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


async def test_it_sleeps_by_the_clock_of_its_run_and_streams_what_it_replies() -> None:
    clock, real = Sleepless(), local_runtime()
    runtime = Runtime(steps=real.steps, clock=clock, new_id=real.new_id, chance=real.chance)
    token = here.set(
        Here(
            RunContext(run_id="r", crew="crew", runtime=runtime, now_s=clock.monotonic_s, readers=Readers()),
            ROOT,
        )
    )
    try:
        request = Request(task("Write about tea.", "3 bullet points"))
        *chunks, reply = [piece async for piece in OfflineModel(7.0).stream(request)]
    finally:
        here.reset(token)
    assert clock.slept == [7.0]
    assert isinstance(reply, Reply)
    assert "".join(chunk.text for chunk in chunks if isinstance(chunk, Chunk)) == reply.text
