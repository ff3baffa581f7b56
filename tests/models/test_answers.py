"""The form of an answer, and reading one out of what a model says."""

from __future__ import annotations

import json
from datetime import date
from enum import Enum
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, field_validator

from aiocrew.models.answers import AnswerProblem, answer_spec, named_apart, read_answer, tells_form
from aiocrew.models.llm import LLM
from aiocrew.models.lookup import resolve
from aiocrew.types.messages import Reply, Request, ToolSpec


class Mood(Enum):
    GOOD = "good"
    BAD = "bad"


class Point(BaseModel):
    x: int
    y: float | None = None


class Answer(BaseModel):
    """What was found.

    Not for the model.
    """

    name: str
    points: list[Point] = []
    mood: Mood = Mood.GOOD
    day: date | None = None


class Node(BaseModel):
    value: int
    children: list[Node] = []


class Optionals(BaseModel):
    title: str = ""
    items: list[str] = []


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    day: date
    mood: Mood
    pair: tuple[int, int]


# The form


def test_the_form_of_a_class_is_made_once() -> None:
    spec = answer_spec(Answer)
    assert answer_spec(Answer) is spec
    assert (spec.name, spec.description) == ("Answer", "What was found.")
    assert json.loads(bytes(spec.schema))["required"] == ["name"]
    assert spec.strict_schema is not None
    assert json.loads(bytes(spec.strict_schema))["required"] == ["name", "points", "mood", "day"]


def test_its_name_is_one_that_a_tool_may_have() -> None:
    class Page(BaseModel):
        items: list[str]

    for name, fit in [("Page[Item]", "Page_Item"), ("_Hidden", "Hidden"), ("Größe", "Gr_e"), ("日本", "answer")]:
        cls = type(name, (Page,), {})
        assert answer_spec(cls).name == fit
    assert len(answer_spec(type("A" * 99, (Page,), {})).name) == 64


def test_it_takes_another_name_where_a_tool_has_its_own() -> None:
    spec = answer_spec(Answer)
    tools = [ToolSpec(name, "", msgspec.Raw(b"{}")) for name in ("Answer", "Answer_answer")]
    assert named_apart(spec, []) is spec
    assert named_apart(spec, tools[:1]).name == "Answer_answer"
    assert named_apart(spec, tools).name == "Answer_answer2"


def test_a_request_with_a_form_is_json() -> None:
    request = Request((), answer=answer_spec(Answer))
    assert json.loads(msgspec.json.encode(request))["answer"]["schema"]["required"] == ["name"]


class OwnModel:
    async def reply(self, request: Request) -> Reply:
        return Reply("")


@pytest.mark.parametrize(
    ("llm", "told"),
    [
        (LLM("gpt-4o", api_key="k"), True),
        (LLM("anthropic/claude-sonnet-4-5", api_key="k"), True),
        (LLM("offline/instant"), True),
        (LLM("o1-mini", api_key="k"), False),
        (LLM("gpt-4o", api_key="k", tool_protocol="text"), False),
        (OwnModel(), False),
    ],
)
def test_it_is_known_which_models_the_wire_tells(llm: Any, told: bool) -> None:
    assert tells_form(resolve(llm)) is told


# Reading it

BARE = '{"name": "Ada", "points": [{"x": 1}]}'
ADA = Answer(name="Ada", points=[Point(x=1)])


@pytest.mark.parametrize(
    "text",
    [
        BARE,
        f"\ufeff  {BARE}\n\n",
        f"```json\n{BARE}\n```",
        f"Here it is:\n\n```\n{BARE}\n```\nI hope that it helps.",
        f"Here it is: {BARE}. I hope that it helps {{name}}.",
        f"I looked for {{name}}, and :-{{ found this: {BARE}",
        json.dumps(BARE),
        f"```json\n{json.dumps(BARE)}\n```",
        '{"name": "Ada", "points": [{"x": 1,},],}',
        f"<think>Shall it be {{'name': 'Bob'}} or {{\"name\": \"Bob\"}}?</think>\n{BARE}",
        f'{{"type": "object", "properties": {{"name": {{"type": "string"}}}}}}\n\n{BARE}',
        '{"name": "Ada", "points": [{"x": "1"}], "unknown": true}',
    ],
)
def test_the_json_is_found_wherever_it_stands(text: str) -> None:
    assert read_answer(Answer, text) == ADA


def test_line_breaks_inside_texts_are_kept() -> None:
    assert read_answer(Answer, '{"name": "Ada\nLovelace"}') == Answer(name="Ada\nLovelace")


def test_commas_inside_texts_are_kept() -> None:
    assert read_answer(Answer, '{"name": "[a,] {b,}",}') == Answer(name="[a,] {b,}")


def test_a_strict_class_reads_what_json_has() -> None:
    found = read_answer(Strict, '{"day": "2026-01-31", "mood": "bad", "pair": [1, 2]}')
    assert found == Strict(day=date(2026, 1, 31), mood=Mood.BAD, pair=(1, 2))


def test_half_a_surrogate_pair_is_no_reason_to_fail() -> None:
    assert read_answer(Answer, '{"name": "a\\ud83db"}') == Answer(name="a?b")
    assert read_answer(Answer, '{"name": "a\ud83db"}') == Answer(name="a?b")


@pytest.mark.parametrize(
    ("cls", "text"),
    [
        (Node, '{"value": 1, "children": [{"value": 2}, {"value": 3'),
        (Node, 'Here: {"value": 1, "children": [{"value": 2} {"value": 3}]}'),
        (Node, '{"value": 1, "name": "a "quoted" word", "children": [{"value": 2}]}'),
        (Node, 'A draft: {"value": 1}. And now all of it: {"value": 1, "children": [{"value": 2}, {"val'),
        (Node, 'Say {"value": 1} first, then {"value": 2, "name": "a'),
        (Node, '<think>Perhaps {"value": 1}, or'),
        (Node, '<think>{"value": 1}'),
        (Optionals, 'Write {} or {"type": "object", "properties": {"title": {}}} as you like'),
        (Optionals, '{"type": "object", "properties": {"title": {"type": "string"}}}'),
    ],
)
def test_a_part_of_something_else_is_never_taken_for_the_answer(cls: type[BaseModel], text: str) -> None:
    assert isinstance(read_answer(cls, text), AnswerProblem)


def test_an_answer_without_any_value_is_one_where_none_is_required() -> None:
    assert read_answer(Optionals, "{}") == Optionals()


# What is wrong with it


def problem(cls: type[BaseModel], text: str) -> str:
    found = read_answer(cls, text)
    assert isinstance(found, AnswerProblem)
    return found.text


def test_each_problem_names_its_place() -> None:
    text = problem(Answer, '{"points": [{"x": "one"}, {"x": 1, "y": []}], "mood": "fair"}')
    assert text.splitlines() == [
        "it does not keep to its schema:",
        "- name: Field required",
        "- points.0.x: Input should be a valid integer, unable to parse string as an integer",
        "- points.1.y: Input should be a valid number",
        "- mood: Input should be 'good' or 'bad'",
    ]


def test_many_problems_are_counted_and_long_ones_cut() -> None:
    lines = problem(Answer, json.dumps({"name": "n", "points": [{}] * 15})).splitlines()
    assert (len(lines), lines[-1]) == (12, "- and 5 more")

    class Shouting(BaseModel):
        name: str

        @field_validator("name")
        @classmethod
        def shout(cls, name: str) -> str:
            raise ValueError("no " * 1000)

    assert max(len(line) for line in problem(Shouting, '{"name": ""}').splitlines()) == 200


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("I do not know.", "no JSON object"),
        ("[1, 2]", "not a list"),
        ("null", "not null"),
        ("3", "not a int"),
        ('"three"', "no JSON object"),
        ('{"name": "Ada", "points": [', "line 1, column 28"),
        ('{\n "name": "Ada",\n "points": [1 2]}', "Expecting ',' delimiter at line 3, column 15"),
        ("{'name': 'Ada'}", "no JSON object"),
        ('{"name": ' + "[" * 100_000, "nested too deeply"),
        ('{"name": ' + "1" * 5000 + "}", "too long"),
    ],
)
def test_the_model_is_told_what_is_wrong(text: str, why: str) -> None:
    assert why in problem(Answer, text)


def test_a_validator_that_breaks_is_told_of_too() -> None:
    class Silent(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    class Breaking(BaseModel):
        tags: list[str]

        @field_validator("tags", mode="before")
        @classmethod
        def split(cls, tags: Any) -> Any:
            if tags is None:
                raise Silent
            return tags.split(",")

    assert read_answer(Breaking, '{"tags": "a,b"}') == Breaking(tags="a,b")  # type: ignore[arg-type]
    assert "AttributeError: 'list' object has no attribute 'split'" in problem(Breaking, '{"tags": ["a"]}')
    assert "Silent" in problem(Breaking, '{"tags": null}')


# Whatever comes

INSTANCES = st.builds(
    Answer,
    name=st.text(),
    points=st.lists(st.builds(Point, x=st.integers(), y=st.none() | st.floats(allow_nan=False, allow_infinity=False))),
    mood=st.sampled_from(Mood),
    day=st.none() | st.dates(),
)
PROSE = st.text(alphabet=st.characters(exclude_characters='{}`"\\</'), max_size=50)
JSONLIKE = st.text(alphabet='{}[]",:\\ntrue0123. `\n\ud83d', max_size=200)


@given(INSTANCES, PROSE, PROSE, st.sampled_from(["bare", "fence", "prose", "twice"]), st.sampled_from([None, 2]))
def test_what_was_written_is_read(answer: Answer, before: str, after: str, how: str, indent: int | None) -> None:
    text = answer.model_dump_json(indent=indent)
    said = {
        "bare": text,
        "fence": f"{before}\n```json\n{text}\n```\n{after}",
        "prose": f"{before}{text}{after}",
        "twice": json.dumps(text),
    }[how]
    assert read_answer(Answer, said) == answer


@given(st.one_of(st.text(), JSONLIKE, st.builds(lambda text, at: text[:at], st.just(BARE), st.integers(0, 40))))
def test_no_text_makes_it_raise(text: str) -> None:
    for cls in (Answer, Node, Optionals, Strict):
        found = read_answer(cls, text)
        assert isinstance(found, cls | AnswerProblem)


@pytest.mark.parametrize("piece", ["{", "[", '{"a":', '"', "```json\n", ", ", "{}", "{x}", "\\", "}{"])
def test_long_texts_are_read_in_linear_time(piece: str) -> None:
    assert isinstance(read_answer(Answer, piece * 50_000), AnswerProblem)
