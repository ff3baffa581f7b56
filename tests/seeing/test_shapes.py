"""Odd programs: where one line is at fault it is named, and where none is nothing is."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from aiocrew import OverlapReport, observe
from tests.doubles import on_virtual_time
from tests.seeing.shapes import clean, serial


def programs(module: ModuleType) -> list[Any]:
    found = [
        function
        for name, function in vars(module).items()
        if inspect.isfunction(function) and function.__module__ == module.__name__ and name not in HELPERS
    ]
    return [pytest.param(function, id=function.__name__) for function in found]


HELPERS = {"hard_work"}
CALLERS = {
    "a_helper_of_a_tool_that_computes": "called by the tool 'look_up'",
    "a_guardrail_that_computes": "in the guardrail guard",
}


def observed(program: Callable[[], Any]) -> OverlapReport:
    with observe() as seen:
        if hasattr(program, "is_real"):
            program()
        else:
            on_virtual_time(program)
    return seen.report()


def expected(program: Callable[[], Any]) -> tuple[str, int]:
    lines, first = inspect.getsourcelines(program)
    marked = [(match[1], first + n) for n, line in enumerate(lines) if (match := re.search(r"# HERE: (\S+)", line))]
    if not marked:
        pattern = rf"# HERE: (\S+) of {program.__name__}\b"
        every, _ = inspect.getsourcelines(serial)
        marked = [(match[1], n) for n, line in enumerate(every, 1) if (match := re.search(pattern, line))]
    (one,) = marked
    return one


@pytest.mark.parametrize("program", programs(clean))
def test_nothing_is_found_in_a_clean_program(program: Callable[[], Any]) -> None:
    report = observed(program)
    assert report.runs > 1
    assert [(culprit.cause.value, culprit.line, culprit.what) for culprit in report.culprits] == []


@pytest.mark.filterwarnings("ignore::aiocrew.BlockingKickoffWarning")
@pytest.mark.parametrize("program", programs(serial))
def test_the_line_that_serializes_a_program_is_named(program: Callable[[], Any]) -> None:
    report = observed(program)
    assert [(culprit.cause.value, culprit.line) for culprit in report.culprits] == [expected(program)]
    (culprit,) = report.culprits
    assert culprit.file == serial.__file__
    assert CALLERS.get(program.__name__, "") in culprit.what
