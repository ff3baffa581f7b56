from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from aiocrew.tools.text import NO_RESULT, clip, sendable, to_text


class Place(BaseModel):
    city: str


def circle() -> list[Any]:
    items: list[Any] = []
    items.append(items)
    return items


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ("as it is", "as it is"),
        ("", ""),
        (None, NO_RESULT),
        (3.5, "3.5"),
        (Place(city="Köln"), '{"city":"Köln"}'),
        ({"places": [Place(city="Rome")], "n": 1}, '{"places":[{"city":"Rome"}],"n":1}'),
        ((1, {2}), "[1,[2]]"),
        ([object], "[\"<class 'object'>\"]"),
        (circle(), "[[...]]"),
        ("half \ud800", "half ?"),
    ],
)
def test_results_as_text(result: Any, text: str) -> None:
    assert to_text(result) == text


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_lists_are_json(value: Any) -> None:
    if isinstance(value, list):
        assert json.loads(to_text(value)) == value


@given(st.text(st.characters(exclude_categories=())))
def test_what_is_sent_is_utf8(text: str) -> None:
    sendable(text).encode()


def test_clipping_marks_the_cut() -> None:
    assert clip("abcdef", 6) == "abcdef"
    assert clip("abcdefg", 6) == "abc..."
