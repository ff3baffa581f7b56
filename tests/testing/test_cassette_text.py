"""What makes a cassette readable: folded texts, and differences in words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.testing.differences import described
from aiocrew.testing.results import error_of, failure_of
from aiocrew.testing.tape import folded, unfolded

TEXTS = st.text(alphabet="ab\n\\\"'<é", max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS | st.just("\n"), inner, max_size=3),
    max_leaves=12,
)


@given(JSON)
def test_what_was_folded_unfolds_to_the_same(value: object) -> None:
    assert unfolded(json.loads(json.dumps(folded(value)))) == value


def test_each_line_of_a_text_is_one_of_the_file() -> None:
    assert folded({"text": "one\ntwo"}) == {"text": {"\n": ["one", "two"]}}


@given(JSON, JSON)
def test_equal_values_and_only_those_have_no_difference(old: object, new: object) -> None:
    assert described(old, old) == ""
    same = json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)
    assert (described(old, new) == "") == same


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ({"a": 1}, {"a": 2}, "a: was 1, is 2"),
        ({"a": 1}, {}, "a is gone: it was 1"),
        ({}, {"a": [1]}, "a is new: [1]"),
        ({"a": [1, 2]}, {"a": [1]}, "a[1] is gone: it was 2"),
        ({"a": True}, {"a": 1}, "a: was True, is 1"),
        ({"a": "x"}, {"a": "y"}, "a:\n  - x\n  + y"),
        ({"a": "k\nx\nl"}, {"a": "k\ny\nl"}, "a:\n    k\n  - x\n  + y\n    l"),
        (
            {"messages": [{"role": "user", "text": "x"}]},
            {"messages": [{"role": "user", "text": "y"}]},
            "message 0 (user).text:\n  - x\n  + y",
        ),
        (
            {"messages": []},
            {"messages": [{"role": "tool", "text": "y"}]},
            "message 0 (tool) is new: {'role': 'tool', 'text': 'y'}",
        ),
    ],
)
def test_a_difference_is_said_by_its_place(old: object, new: object, said: str) -> None:
    assert described(old, new) == said


def test_long_texts_and_many_differences_are_cut() -> None:
    said = described({str(n): "a" * 1_000 for n in range(9)}, {str(n): "b" * 1_000 for n in range(9)})
    assert len(said) < 5_000
    assert said.endswith("and 4 more differences")


@pytest.mark.parametrize("error", [ValueError("x", 3), KeyError("k"), TimeoutError()])
def test_an_error_of_python_comes_back_as_itself(error: Exception) -> None:
    back = error_of(json.loads(json.dumps(failure_of(error))))
    assert (type(back), back.args) == (type(error), error.args)
