"""Errors carry fields, survive a pickle, and say where they happened."""

from __future__ import annotations

import pickle

import pytest

from aiocrew import errors
from aiocrew.errors import (
    BlueprintError,
    DeadlineExceededError,
    Location,
    ModelConnectionError,
    ModelTimeoutError,
    NotBuiltError,
    RateLimitError,
)

EVERY = [
    RateLimitError("slow down", model="m", status=429, retry_after_s=1.5),
    ModelTimeoutError("late", model="m"),
    ModelConnectionError("broken", model="m"),
    NotBuiltError("not yet"),
    DeadlineExceededError("over", limit_s=2),
]


@pytest.mark.parametrize("error", EVERY, ids=lambda error: type(error).__name__)
def test_a_pickled_error_is_the_same(error):
    again = pickle.loads(pickle.dumps(error.located(Location("c", "t", "a"))))
    assert type(again) is type(error)
    assert str(again) == f"{error} (in crew 'c', task 't', agent 'a')"
    assert {k: v for k, v in vars(again).items() if k != "at"} == {k: v for k, v in vars(error).items() if k != "at"}


def test_locating_leaves_the_original_alone_and_the_innermost_place_wins():
    error = BlueprintError("bad")
    inner = error.located(Location("c", "t"))
    assert error.at is None
    assert inner.located(Location("other")) is inner


def test_standard_errors_catch_theirs():
    assert isinstance(ModelTimeoutError("x"), TimeoutError)
    assert isinstance(ModelConnectionError("x"), ConnectionError)
    assert isinstance(BlueprintError("x"), ValueError)
    assert isinstance(NotBuiltError("x"), NotImplementedError)


def test_the_tree_in_the_docstring_is_the_tree():
    drawn = {word for word in errors.__doc__.replace("│", " ").split() if word.endswith("Error")}
    assert drawn >= {name for name in errors.__all__ if name != "Location"}


def test_repr_shows_the_message():
    assert "late" in repr(ModelTimeoutError("late"))
