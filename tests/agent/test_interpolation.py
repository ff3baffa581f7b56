"""A placeholder is an identifier in braces, filled once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.agent.interpolation import interpolate, placeholders
from aiocrew.errors import MissingInputError

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)


def fill(text, inputs):
    return interpolate(text, inputs, ("task", "a"), "description")


def test_values_are_not_read_again():
    assert fill("{a} and {b}", {"a": "{b}", "b": "{a}"}) == "{b} and {a}"


def test_json_stays():
    text = '{"topic": "x", "n": {}, "list": [{"a": 1}]} {0} {a-b} {}'
    assert fill(text, {"topic": "y"}) == text


def test_without_inputs_the_text_stays():
    assert fill("{topic}", None) == "{topic}"


def test_what_is_missing_is_named_with_its_place():
    with pytest.raises(MissingInputError, match=r"task 'a'.*description.*\{topic\}.*'tpoic'") as caught:
        fill("{topic}", {"tpoic": 1})
    assert caught.value.variable == "topic"


@given(st.text(), st.dictionaries(names, st.text()))
def test_a_text_without_placeholders_is_untouched(text, inputs):
    if not placeholders(text):
        assert fill(text, inputs) == text


@given(st.lists(st.tuples(st.text(alphabet="ab {}"), names)), st.data())
def test_every_placeholder_gives_its_value_and_nothing_else_changes(parts, data):
    parts = [(before.replace("{", "").replace("}", ""), name) for before, name in parts]
    values = {name: data.draw(st.text()) for _, name in parts}
    text = "".join(f"{before}{{{name}}}" for before, name in parts)
    assert fill(text, values) == "".join(before + values[name] for before, name in parts)


def test_an_identifier_may_be_in_any_script():
    assert fill("{thème} {主题} {été}", {"thème": 1, "主题": 2, "été": 3}) == "1 2 3"
