"""`aiocrew check`: the faults that can be read off the source, as lines or as JSON."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from aiocrew.cli.words import counted
from aiocrew.console.account import printable
from aiocrew.errors import UsageError
from aiocrew.seeing.check.files import check_paths
from aiocrew.seeing.check.finding import Finding
from aiocrew.seeing.check.rules import RULES, explained, is_selected

__all__ = ["CheckOptions", "run_check"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """What to check, and how to say it.

    paths: files and folders.
    as_json: a list of records on stdout, in place of lines.
    concise: one line for each finding, without what to write instead.
    select, ignore: codes, or their beginnings: "AIC4" is all of AIC401 to AIC405.
    explain: a code; its rule is shown, and nothing is checked.
    """

    paths: Sequence[str] = (".",)
    as_json: bool = False
    concise: bool = False
    select: Sequence[str] = ()
    ignore: Sequence[str] = ()
    explain: str | None = None


def run_check(options: CheckOptions) -> int:
    """Print what is wrong below the paths; return 0 where nothing is, else 1.

    Raises UsageError, for exit code 2, where a path is missing or a code is none.
    """
    if options.explain is not None:
        print(explained(RULES[_code(options.explain)]), end="")
        return 0
    select, ignore = [_prefix(code) for code in options.select], [_prefix(code) for code in options.ignore]
    try:
        findings, files = check_paths(options.paths)
    except FileNotFoundError as error:
        raise UsageError(f"{error}; name what is to be checked") from None
    findings = [finding for finding in findings if is_selected(finding.code, select=select, ignore=ignore)]
    if options.as_json:
        print(json.dumps([_record(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            _print_finding(finding, concise=options.concise)
        print(_summary(findings, files))
    if not files:
        print("aiocrew: there is no Python file below these paths", file=sys.stderr)
    return 1 if findings else 0


def _code(given: str) -> str:
    code = given.strip().upper()
    if code not in RULES:
        raise UsageError(f"{given!r} is no code of a rule; there are {', '.join(RULES)}")
    return code


def _prefix(given: str) -> str:
    prefix = given.strip().upper()
    if not prefix or not any(code.startswith(prefix) for code in RULES):
        raise UsageError(f"no rule's code begins with {given!r}; there are {', '.join(RULES)}")
    return prefix


def _print_finding(finding: Finding, *, concise: bool) -> None:
    place = f"{finding.path}:{finding.line}:{finding.column}"
    print(printable(f"{place}: {finding.code} {finding.message}"))
    if not concise:
        print(printable(f"    instead: {finding.instead}"))


def _summary(findings: Sequence[Finding], files: int) -> str:
    checked = f"in {counted(files, 'file')}"
    if not findings:
        return f"Nothing found {checked}."
    kinds = Counter(finding.code for finding in findings)
    codes = ", ".join(f"{number} x {code}" for code, number in sorted(kinds.items()))
    return f"Found {counted(len(findings), 'fault')} {checked}: {codes}. `aiocrew check --explain CODE` says why."


def _record(finding: Finding) -> dict[str, Any]:
    record = asdict(finding)
    record["end"] = {"line": record.pop("end_line"), "column": record.pop("end_column")}
    return record
