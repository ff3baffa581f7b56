"""The tests that are known not to pass, each with a letter and a reason, and how a run compares with them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from scripts.compat.running import Result

__all__ = ["LETTERS", "Letter", "Verdict", "judge", "read_letters", "written_into"]

LETTERS = {
    "a": "copies a fault",
    "b": "patches or inspects an internal of CrewAI",
    "c": "demands a sentence of CrewAI's",
    "d": "needs the engine to change a blueprint beyond what it publishes",
    "e": "belongs to what is left out",
}

_FILE = Path(__file__).with_name("letters.toml")

_BEGIN = "<!-- written by: python -m scripts.compat --page -->"
_END = "<!-- end -->"


@dataclass(frozen=True, slots=True)
class Letter:
    """Why a test is not to pass."""

    letter: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """A test's result beside what is known of it."""

    result: Result
    letter: Letter | None


def read_letters(file: Path = _FILE) -> dict[str, Letter]:
    """Return the lettered tests by their id. Raises ValueError for a letter that is none, or a missing reason."""
    found: dict[str, Letter] = {}
    for test, entry in tomllib.loads(file.read_text(encoding="utf-8")).items():
        letter, reason = entry.get("letter"), entry.get("reason")
        if letter not in LETTERS or not reason:
            raise ValueError(f"{test} needs a letter of {', '.join(LETTERS)} and a reason")
        found[test] = Letter(letter, reason)
    return found


def judge(results: list[Result], letters: dict[str, Letter]) -> list[Verdict]:
    """Put each result beside its letter."""
    return [Verdict(result, letters.get(result.id)) for result in results]


def written_into(page: str, letters: dict[str, Letter], chosen: list[str]) -> str:
    """Return docs/compat.md with the list of the chosen tests that do not pass between its two markers."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n\n{_listed(letters, chosen)}{_END}{after}"


def _listed(letters: dict[str, Letter], chosen: list[str]) -> str:
    lines: list[str] = []
    for letter, meaning in LETTERS.items():
        tests = [test for test in chosen if test in letters and letters[test].letter == letter]
        if tests:
            lines += [f"({letter}) {meaning}:", "", "| test | why |", "|---|---|"]
            lines += [f"| `{test.removeprefix('tests/')}` | {letters[test].reason} |" for test in tests]
            lines.append("")
    return "\n".join([*lines, ""])
