"""The checker finds what is planted in a sample project, all of it and no more, and nothing in the examples."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aiocrew.seeing.check import check_paths, check_text
from aiocrew.seeing.check.rules import RULES

ROOT = Path(__file__).parents[3]
SAMPLE = Path(__file__).parent / "sample"


def expected() -> set[tuple[str, int, str]]:
    """Read the comments `# expect: CODE, CODE` of the sample."""
    return {
        (str(file), number, code)
        for file in SAMPLE.rglob("*.py")
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if (comment := re.search(r"# expect: ([\w, ]+)$", line))
        for code in comment[1].split(", ")
    }


def test_all_that_is_planted_is_found_and_nothing_else() -> None:
    findings, files = check_paths([str(SAMPLE)])
    assert {(finding.path, finding.line, finding.code) for finding in findings} == expected()
    assert len(findings) == len(expected())
    assert files == len(list(SAMPLE.rglob("*.py")))


def test_every_rule_is_planted_somewhere() -> None:
    assert {code for _, _, code in expected()} == RULES.keys() - {"AIC001"}


def test_findings_come_in_the_same_order_every_time() -> None:
    findings, _ = check_paths([str(SAMPLE)])
    assert findings == sorted(findings)
    assert check_paths([str(SAMPLE)])[0] == findings


def test_the_examples_have_no_fault() -> None:
    findings, files = check_paths([str(ROOT / "examples")])
    assert [f"{finding.path}:{finding.line} {finding.code}" for finding in findings] == []
    assert files >= 10


@pytest.mark.parametrize("folder", ["crew", "flow", "seeing/check", "server", "tools"])
def test_aiocrew_itself_has_no_fault(folder: str) -> None:
    findings, _ = check_paths([str(ROOT / "src/aiocrew" / folder)])
    assert [f"{finding.path}:{finding.line} {finding.code}" for finding in findings] == []


@pytest.mark.parametrize("page", ["README.md", "docs/migration.md", "docs/under_load.md"])
def test_the_programs_of_a_page_have_no_fault(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    programs = re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    assert programs
    assert [finding.code for program in programs for finding in check_text(program, page)] == []
