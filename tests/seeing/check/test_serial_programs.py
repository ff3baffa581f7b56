"""Whole programs, asked about as a report asks: the run's own line first, then that of who called it."""

from __future__ import annotations

import ast

import pytest

from aiocrew.seeing.check.serial import SerialAwait, serial_awaits
from tests.seeing.check.programs import BOUND, FREE, HEAD


def lines_marked(source: str, mark: str) -> list[int]:
    return [number for number, text in enumerate(source.split("\n"), 1) if mark in text]


def verdict(source: str) -> SerialAwait | None:
    """Return what holds the runs in turn, None where nothing does or they may need each other."""
    for mark in ("# here", "# caller", "# outermost"):
        for line in lines_marked(source, mark):
            found = serial_awaits(source, line)
            if found is None or found.kind != "none":
                return found
    return None


@pytest.mark.parametrize("program", FREE.values(), ids=FREE.keys())
def test_passes_that_need_nothing_of_each_other_are_found(program: str) -> None:
    source = HEAD + program
    found = verdict(source)
    assert found is not None
    assert (found.kind in ("loop", "comprehension"), found.line) == (True, lines_marked(source, "# <- this")[0])
    assert found.instead


@pytest.mark.parametrize("program", BOUND.values(), ids=BOUND.keys())
def test_passes_that_may_need_each_other_are_passed_over(program: str) -> None:
    assert verdict(HEAD + program) is None


@pytest.mark.parametrize("program", [*FREE.values(), *BOUND.values()], ids=[*FREE.keys(), *BOUND.keys()])
def test_the_programs_can_be_parsed(program: str) -> None:
    assert ast.parse(HEAD + program)
