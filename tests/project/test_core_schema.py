from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.project.core_schema import plain_value, tagged_value


@pytest.mark.parametrize(
    "text", ["yes", "no", "on", "off", "Yes", "NO", "y", "n", "tRUE", "1_000", "1:30", "2024-01-01"]
)
def test_what_only_yaml_1_1_takes_for_something_else_is_a_text(text: str) -> None:
    assert plain_value(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("True", True),
        ("TRUE", True),
        ("false", False),
        ("FALSE", False),
        ("", None),
        ("~", None),
        ("Null", None),
        ("010", 10),
        ("-7", -7),
        ("0o17", 15),
        ("0xfF", 255),
        ("1e3", 1000.0),
        ("-.5", -0.5),
        ("3.", 3.0),
        ("-.INF", -math.inf),
    ],
)
def test_the_core_schema_of_yaml_1_2_holds(text: str, value: Any) -> None:
    assert (plain_value(text), type(plain_value(text))) == (value, type(value))


def test_nan_is_a_number() -> None:
    assert math.isnan(plain_value(".nan"))  # type: ignore[arg-type]


@given(st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_survive(number: float) -> None:
    assert plain_value(repr(number)) == number


@given(st.text())
def test_any_text_has_a_value(text: str) -> None:
    assert isinstance(plain_value(text), str | int | float | None)


def test_a_tag_that_does_not_fit_is_an_error() -> None:
    assert (tagged_value("str", "true"), tagged_value("float", "3"), tagged_value("null", "~")) == ("true", 3.0, None)
    with pytest.raises(ValueError, match="'true' is no int"):
        tagged_value("int", "true")
