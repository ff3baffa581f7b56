"""Runs chosen tests, a file at a time in a process of its own, and gives what became of each."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from scripts.compat.environment import child_environment

__all__ = ["Result", "run_file"]

_TEST_LIMIT_S = 60
_FILE_LIMIT_S = 1200


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one test."""

    id: str
    passed: bool
    fault: str
    """What was wrong; "" for a test that passed."""
    recorded: int = 0
    """The replies that were recorded for it."""
    asked: int = 0
    """The requests that it made."""


def run_file(python: Path, folder: Path, file: str, names: list[str]) -> list[Result]:
    """Run tests of `file` (a path below `folder`), those called `names`, or all of them if there are none."""
    reports = folder / "reports.jsonl"
    reports.unlink(missing_ok=True)
    command = [str(python), "-m", "pytest", "-q", "-p", "scripts.compat.plugin", "-p", "no:randomly"]
    command += ["-p", "no:cacheprovider", "-c", "/dev/null", f"--rootdir={folder}", f"--reports={reports}"]
    command += [f"--timeout={_TEST_LIMIT_S}", *([f"{file}::{name}" for name in names] or [file])]
    said = _run(command, folder)
    results = [Result(**json.loads(line)) for line in reports.read_text().splitlines()] if reports.exists() else []
    return _complete(results, file, names, said)


def _run(command: list[str], folder: Path) -> str:
    """Return the end of what the process printed."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=child_environment(folder),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_FILE_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"the process was ended after {_FILE_LIMIT_S} s"
    return f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}".strip()


def _complete(results: list[Result], file: str, names: list[str], said: str) -> list[Result]:
    """Return the results in the order of `names`, with one for each test that gave none."""
    by_id = {result.id: result for result in results}
    if not names:
        return [*by_id.values()] or [Result(id=file, passed=False, fault=said)]
    whole_file = by_id.get(file)
    reason = whole_file.fault if whole_file else said
    missing = {f"{file}::{name}": Result(id=f"{file}::{name}", passed=False, fault=reason) for name in names}
    return [by_id.get(id_, nothing) for id_, nothing in missing.items()]
