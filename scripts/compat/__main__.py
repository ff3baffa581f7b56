"""Run CrewAI's tests on aiocrew and print a table.

Usage: python -m scripts.compat [--all] [--json FILE] [--page] [FILE or TEST ...]
Without arguments it runs the tests of chosen.txt. A FILE is a path in CrewAI's source distribution, such as
tests/flow_test.py; a TEST is FILE::name. Ends with 1 if a test that does not pass has no letter in letters.toml,
or a test that has one passes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from scripts.compat.environment import PROJECT, interpreter, unpack
from scripts.compat.letters import Verdict, judge, read_letters, written_into
from scripts.compat.running import run_file

__all__ = ["CHOSEN", "PAGE", "by_file", "main"]

CHOSEN = Path(__file__).with_name("chosen.txt").read_text(encoding="utf-8").split()

EVERY_FILE = [
    "tests/agent_test.py",
    "tests/task_test.py",
    "tests/flow_test.py",
    "tests/crew_test.py",
    "tests/project_test.py",
    "tests/llm_test.py",
    "tests/tools/test_base_tool.py",
    "tests/tools/test_tool_usage.py",
    "tests/tools/agent_tools/agent_tools_test.py",
    "tests/utilities/test_converter.py",
]
"""Where CrewAI tests what its users write; its command line, memory and pipelines are not among them."""

PAGE = PROJECT / "docs" / "compat.md"

_WIDTH = 92


def by_file(tests: list[str]) -> dict[str, list[str]]:
    """Return the names of the tests of each file; no names where the whole file is asked for."""
    files: dict[str, list[str]] = {}
    for test in tests:
        file, _, name = test.partition("::")
        names = files.setdefault(file, [])
        if name and name not in names:
            names.append(name)
    whole = {test for test in tests if "::" not in test}
    return {file: [] if file in whole else names for file, names in files.items()}


def run(tests: list[str]) -> Iterator[Verdict]:
    """Give each test's verdict as soon as its file is through."""
    python, letters = interpreter(), read_letters()
    with tempfile.TemporaryDirectory(prefix="aiocrew-compat-") as place:
        folder = Path(place)
        unpack(folder)
        for file, names in by_file(tests).items():
            yield from judge(run_file(python, folder, file, names), letters)


def line(verdict: Verdict) -> str:
    """Return a test's line of the table."""
    test, letter = verdict.result.id.removeprefix("tests/"), verdict.letter
    if verdict.result.passed:
        return f"{test:{_WIDTH}} passed" + ("  THOUGH LETTERED" if letter else "")
    known = f"({letter.letter}) {letter.reason}" if letter else f"NO LETTER: {verdict.result.fault[:300]}"
    return f"{test:{_WIDTH}} not passed  {known}"


def summary(verdicts: list[Verdict]) -> str:
    """Return the counts."""
    passed = sum(verdict.result.passed for verdict in verdicts)
    kinds = Counter(
        verdict.letter.letter if verdict.letter else "no letter" for verdict in verdicts if not verdict.result.passed
    )
    others = "".join(f", {count} ({letter})" for letter, count in sorted(kinds.items()))
    return f"\n{passed} of {len(verdicts)} passed{others}"


def main(arguments: list[str]) -> int:
    """Run what is asked for, print the table, and return the exit status."""
    asked = _parser().parse_args(arguments)
    if asked.page:
        PAGE.write_text(written_into(PAGE.read_text(encoding="utf-8"), read_letters(), CHOSEN), encoding="utf-8")
        return 0
    verdicts: list[Verdict] = []
    for verdict in run(EVERY_FILE if asked.all else asked.tests or CHOSEN):
        verdicts.append(verdict)
        print(line(verdict), flush=True)
    print(summary(verdicts))
    if asked.json:
        asked.json.write_text(json.dumps([_record(verdict) for verdict in verdicts], indent=1), encoding="utf-8")
    return 0 if asked.all else _status(verdicts)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make compat ARGS=...", description="Run CrewAI's own tests on aiocrew.")
    parser.add_argument("tests", nargs="*", metavar="TEST", help="a file or a test; by default those of chosen.txt")
    parser.add_argument("--all", action="store_true", help="every test of what users write; only counted, not judged")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    parser.add_argument("--page", action="store_true", help="run nothing; write the letters into docs/compat.md")
    return parser


def _status(verdicts: list[Verdict]) -> int:
    """Return 1, and say why, if letters.toml is not what the run showed."""
    unlettered = sum(not verdict.result.passed and verdict.letter is None for verdict in verdicts)
    stale = [verdict.result.id for verdict in verdicts if verdict.result.passed and verdict.letter is not None]
    if unlettered:
        print(f"{unlettered} do not pass and have no letter in scripts/compat/letters.toml")
    for test in stale:
        print(f"{test} passes: its letter must go")
    return 1 if unlettered or stale else 0


def _record(verdict: Verdict) -> dict[str, object]:
    return asdict(verdict.result) | {"letter": verdict.letter.letter if verdict.letter else None}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
