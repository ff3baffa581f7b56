from __future__ import annotations

import datetime
import json
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from aiocrew.tools.arguments import Arguments, Problem, check_values, read_arguments
from aiocrew.tools.base import BaseTool
from aiocrew.tools.form import form_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(), JSON, max_size=4)


def read(text: str) -> Any:
    arguments = read_arguments(text)
    return None if arguments is None else json.loads(arguments.canonical)


@pytest.mark.parametrize(
    "text",
    [
        '{"q": "it\'s", "n": [1, true, null]}',
        '```json\n{"q": "it\'s", "n": [1, true, null]}\n```',
        'Action Input: {"q": "it\'s", "n": [1, true, null]} and so on',
        '{"q": "it\'s", "n": [1, true, null,],}',
        "{'q': 'it\\'s', 'n': [1, True, None]}",
        "{'q': \"it's\", 'n': (1, True, None)}",
        json.dumps('{"q": "it\'s", "n": [1, true, null]}'),
    ],
)
def test_harmless_slips_are_forgiven(text: str) -> None:
    assert read(text) == {"q": "it's", "n": [1, True, None]}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('{"q": "two\nlines"}', "two\nlines"),
        (r'{"q": "\d+"}', r"\d+"),
        (r"""{'q': 'say "no"\n'}""", 'say "no"\n'),
        (r'{"q": "\u00e9",}', "é"),
        (r"{'q': 'a\\b'}", r"a\b"),
        ("{'q': 'a, }'}", "a, }"),
        (r"{'q': '\x1f\U0001F600'}", "\x1f\U0001f600"),
    ],
)
def test_strings_keep_their_meaning(text: str, meant: str) -> None:
    assert read(text) == {"q": meant}


@pytest.mark.parametrize("text", ["", " \n", "null", "{}", "```{}```"])
def test_no_arguments(text: str) -> None:
    assert read(text) == {}


@pytest.mark.parametrize(
    "text",
    [
        "Paris",
        "[1]",
        "3",
        "{'it's'}",
        '{"a": 1',
        "{1: 2}",
        "{__import__('os')}",
        '{"a": "\\ud800"}',
        "{" * 9_999,
    ],
)
def test_what_is_no_object_is_none(text: str) -> None:
    assert read_arguments(text) is None


@given(OBJECTS)
def test_json_and_python_literals_are_read_back(value: dict[str, Any]) -> None:
    assert read(json.dumps(value)) == value
    assert read(f"Here: {json.dumps(value, indent=1)[:-1]}, }}" if value else "{}") == value
    assert read(repr(value)) is None or read(repr(value)) == value


@given(st.text() | st.text(alphabet="{}[]:,'\"\\ abtrueTNonul01.-()"))
def test_reading_never_raises(text: str) -> None:
    arguments = read_arguments(text)
    assert arguments is None or isinstance(json.loads(arguments.canonical), dict)


@given(OBJECTS)
def test_equal_arguments_have_one_canonical_text(value: dict[str, Any]) -> None:
    turned = dict(reversed(value.items()))
    assert read_arguments(json.dumps(value)) == read_arguments(json.dumps(turned, indent=2))


class Search(BaseTool):
    name: str = "search"
    description: str = "Search."

    def _run(self, query: str, limit: int = 3, how: Literal["fast", "well"] = "fast") -> str:
        return query


def correction(tool: BaseTool, **given: Any) -> str:
    values = check_values(form_of(tool), Arguments(json.dumps(given)))
    assert isinstance(values, Problem)
    return values.text


def test_values_are_converted_and_completed() -> None:
    values = check_values(form_of(Search()), Arguments('{"limit":"5","query":12345}'))
    assert values == {"query": "12345", "limit": 5, "how": "fast"}


def test_a_correction_says_what_to_do() -> None:
    text = correction(Search(), limit="many", pages=2)
    assert "'query' is missing" in text
    assert "'limit'" in text
    assert "(got 'many')" in text
    assert "no argument 'pages'" in text
    assert "query (string, required), limit (integer, optional), how (one of 'fast', 'well', optional)" in text


def test_a_long_list_of_problems_is_cut() -> None:
    text = correction(Search(), query="x", **{f"extra{n}": "y" * 500 for n in range(50)})
    assert "and 40 more" in text
    assert len(text) < 1_500


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")
    day: datetime.date = Field(alias="date")


class Calendar(BaseTool):
    name: str = "calendar"
    description: str = "Look up a day."
    args_schema: type[BaseModel] = Strict

    def _run(self, day: datetime.date) -> str:
        return day.isoformat()


def test_a_strict_schema_takes_what_json_can_say_and_its_own_word_on_extras_holds() -> None:
    values = check_values(form_of(Calendar()), Arguments('{"date":"2024-02-29","noise":1}'))
    assert values == {"day": datetime.date(2024, 2, 29)}
