"""Each rule is documented once, and its examples show just it."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiocrew.seeing.check import check_text
from aiocrew.seeing.check.rules import RULES, explained, is_selected, rule_table

PAGE = (Path(__file__).parents[3] / "docs/check.md").read_text(encoding="utf-8")
CODES = list(RULES)


@pytest.mark.parametrize("code", CODES)
def test_the_bad_example_has_this_fault_only(code: str) -> None:
    assert {finding.code for finding in check_text(RULES[code].bad, "bad.py")} == {code}


@pytest.mark.parametrize("code", CODES)
def test_the_good_example_has_none(code: str) -> None:
    assert check_text(RULES[code].good, "good.py") == []


@pytest.mark.parametrize("code", [code for code in CODES if code not in {"AIC001", "AIC105"}])
def test_the_examples_are_programs_that_can_be_imported(code: str) -> None:
    for text in (RULES[code].bad, RULES[code].good):
        exec(compile(text, f"{code}.py", "exec"), {"__name__": "example"})


@pytest.mark.parametrize("code", CODES)
def test_the_page_says_what_the_rule_says(code: str) -> None:
    assert explained(RULES[code]) in PAGE


def test_the_page_lists_all_rules_in_order() -> None:
    assert rule_table() in PAGE
    assert [line[4:10] for line in PAGE.splitlines() if line.startswith("### AIC")] == CODES


def test_codes_are_selected_by_their_beginnings() -> None:
    assert is_selected("AIC401", select=(), ignore=())
    assert is_selected("AIC401", select=("AIC4",), ignore=("AIC402",))
    assert not is_selected("AIC402", select=("AIC4",), ignore=("AIC402",))
    assert not is_selected("AIC101", select=("AIC4",), ignore=())
