"""Which files are checked, and how they are read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aiocrew.seeing.check import check_paths
from aiocrew.seeing.check.files import python_files

FAULT = "from aiocrew import Crew\nasync def f(crew):\n    crew.kickoff()\n"


def write(file: Path, text: str = FAULT) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_folders_are_walked_in_order_without_what_others_made(tmp_path: Path) -> None:
    kept = [write(tmp_path / name) for name in ("a.py", "b/a.py", "b/c/d.py", "{{name}}/e.py")]
    for name in (
        ".venv/a.py",
        "b/node_modules/a.py",
        "b/__pycache__/a.py",
        "lib/site-packages/a.py",
        ".git/a.py",
        "a.txt",
    ):
        write(tmp_path / name)
    write(tmp_path / "own/pyvenv.cfg")
    write(tmp_path / "own/a.py")
    os.mkfifo(tmp_path / "pipe.py")
    assert list(python_files([str(tmp_path)])) == kept


def test_a_file_is_checked_once_and_under_the_path_that_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "b/a.py")
    monkeypatch.chdir(tmp_path)
    findings, files = check_paths(["b/a.py", "b", "./b"])
    assert ([finding.path for finding in findings], files) == (["b/a.py"], 1)


def test_a_file_that_is_named_is_checked_whatever_its_name(tmp_path: Path) -> None:
    findings, _ = check_paths([write(tmp_path / "script")])
    assert [finding.code for finding in findings] == ["AIC101"]


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere is neither a file nor a folder"):
        check_paths([str(tmp_path / "nowhere")])


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"\xef\xbb\xbf" + FAULT.encode(), ("AIC101", 3)),
        (b"# coding: latin-1\nx = '\xe9'\n" + FAULT.encode(), ("AIC101", 5)),
        (b"import crewai\ny = '\xe9'\n", ("AIC001", 2)),
        (b"# coding: nothing\nimport crewai\n", ("AIC001", 1)),
        (b"import crewai\n\0\0", ("AIC001", 2)),
        (b"import crewai\n" + b"#" * 2_000_000, ("AIC001", 1)),
    ],
    ids=["byte-order mark", "coding comment", "not UTF-8", "no such coding", "null bytes", "too large"],
)
def test_files_are_read_as_python_reads_them(tmp_path: Path, data: bytes, found: tuple[str, int]) -> None:
    file = tmp_path / "a.py"
    file.write_bytes(data)
    findings, _ = check_paths([str(file)])
    assert [(finding.code, finding.line) for finding in findings] == [found]


@pytest.mark.parametrize("data", [b"print 'old'\n", b"y = '\xe9'\n", b"# coding: nothing\n", b"\0", b"#" * 2_000_001])
def test_what_cannot_be_read_and_names_no_crew_is_passed_over(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "a.py"
    file.write_bytes(data)
    assert check_paths([str(file)]) == ([], 1)


def test_a_link_in_a_circle_ends(tmp_path: Path) -> None:
    write(tmp_path / "a/b.py")
    (tmp_path / "a/loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a/gone.py").symlink_to(tmp_path / "nothing.py")
    assert len(check_paths([str(tmp_path)])[0]) == 1
