"""`aiocrew check` as it is called: lines, JSON, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aiocrew.cli.check import CheckOptions, run_check
from aiocrew.errors import UsageError
from aiocrew.seeing.check.rules import RULES, explained

FAULTS = "from aiocrew import Crew\nasync def f(crew):\n    crew.kickoff()\n    crew.kickoff_async()\n"


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_text(FAULTS, encoding="utf-8")
    return "a.py"


def test_findings_are_lines_with_what_to_write_instead(faulty: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_check(CheckOptions(paths=[faulty])) == 1
    assert capsys.readouterr().out.splitlines() == [
        "a.py:3:5: AIC101 kickoff() inside async def stops the event loop, and every crew on it",
        "    instead: await crew.kickoff_async(...)",
        "a.py:4:5: AIC301 kickoff_async() gives a coroutine that is never awaited, so nothing runs",
        "    instead: await crew.kickoff_async()",
        "Found 2 faults in 1 file: 1 x AIC101, 1 x AIC301. `aiocrew check --explain CODE` says why.",
    ]


def test_concise_lines_are_one_for_each_finding(faulty: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_check(CheckOptions(paths=[faulty], concise=True, select=["aic1"])) == 1
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_records_say_the_same(faulty: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_check(CheckOptions(paths=[faulty], as_json=True, ignore=["AIC3"])) == 1
    assert json.loads(capsys.readouterr().out) == [
        {
            "code": "AIC101",
            "message": "kickoff() inside async def stops the event loop, and every crew on it",
            "path": "a.py",
            "line": 3,
            "column": 5,
            "end": {"line": 3, "column": 19},
            "instead": "await crew.kickoff_async(...)",
        }
    ]


def test_nothing_found_is_said_and_is_a_success(faulty: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_check(CheckOptions(paths=[faulty], select=["AIC4"])) == 0
    assert capsys.readouterr().out == "Nothing found in 1 file.\n"
    assert run_check(CheckOptions(paths=[faulty], select=["AIC4"], as_json=True)) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_folder_without_python_is_said_on_the_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_check(CheckOptions(paths=[str(tmp_path)])) == 0
    assert "no Python file" in capsys.readouterr().err


def test_a_rule_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_check(CheckOptions(explain="aic401")) == 0
    assert capsys.readouterr().out == explained(RULES["AIC401"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (CheckOptions(paths=["nowhere"]), "nowhere is neither a file nor a folder"),
        (CheckOptions(explain="AIC999"), "'AIC999' is no code of a rule"),
        (CheckOptions(select=["E5"]), "no rule's code begins with 'E5'"),
        (CheckOptions(ignore=[""]), "no rule's code begins with ''"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(options: CheckOptions, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        run_check(options)


def test_names_of_files_and_code_are_shown_as_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a\x1b[31m.py").write_text(FAULTS, encoding="utf-8")
    assert run_check(CheckOptions(paths=[str(tmp_path)], concise=True)) == 1
    assert "\x1b" not in capsys.readouterr().out
