"""`aiocrew profile`: an unchanged program under observation, and a report on how well its runs overlapped."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TextIO

from rich.console import Console
from rich.text import Text

from aiocrew.cli.new_files import check_apart, check_place, is_written
from aiocrew.cli.programs import Program, run_program
from aiocrew.cli.screen import console_on
from aiocrew.console.account import printable
from aiocrew.console.lines import Manner
from aiocrew.seeing.observation import Observation, observe
from aiocrew.seeing.report import OverlapReport
from aiocrew.seeing.report_text import ASCII_LEVELS, BLOCK_LEVELS, report_lines

__all__ = ["ProfileOptions", "report_record", "run_profile"]

REPORT_VERSION: Final = 1
_STYLES: Final[dict[Manner, str]] = {
    "": "",
    "name": "bold",
    "faint": "dim",
    "good": "green",
    "warning": "yellow",
    "bad": "red",
}
_WIDEST: Final = 110


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileOptions:
    """What to observe, and what to make of it.

    program: what to run, and its arguments.
    html: where the lanes page goes. json: where the report goes as JSON.
    least_overlap: with less than this the exit code is 1.
    quiet: no report on stderr.
    """

    program: Program
    html: str | None = None
    json: str | None = None
    least_overlap: float | None = None
    quiet: bool = False


def run_profile(options: ProfileOptions) -> int:
    """Run a program in this process, as Python itself would; then tell how well its runs overlapped.

    Returns the program's exit code; where that is 0, 1 if its runs overlapped too little or a file cannot be written.
    130: it was interrupted. Raises UsageError before anything runs where there is no such program, or no place for a
    file. `sys.argv`, `sys.path[0]` and `__main__` stay those of the program.
    """
    for option, path in (("--html", options.html), ("--json", options.json)):
        check_place(option, path)
    script = None if options.program.is_module else options.program.name
    check_apart((("the script", script), ("--html", options.html), ("--json", options.json)))
    html, record = (None if path is None else os.path.abspath(path) for path in (options.html, options.json))
    folder, process, stderr = os.getcwd(), os.getpid(), sys.stderr
    with observe() as seen:
        code = run_program(options.program)
    if os.getpid() != process:
        return code  # a process that the program forked off: what it did is not ours to tell
    _get_back(stderr)
    with suppress(OSError):  # it may have gone elsewhere, and files are told as seen from here
        os.chdir(folder)
    report = seen.report()
    if not options.quiet:
        _show(report)
    well = _are_written(seen, report, html, record, options.program.name)
    well &= _is_enough(report, options.least_overlap)
    return code or int(not well)


def report_record(report: OverlapReport) -> dict[str, Any]:
    """Return a report as its JSON file has it: times are seconds since the first run's start."""
    record = report.to_dict()
    began_s = report.in_flight[0][0] if report.in_flight else 0.0
    record["in_flight"] = [[round(at_s - began_s, 6), number] for at_s, number in report.in_flight]
    for culprit in record["culprits"]:
        for span in culprit["at"]:
            span["from_s"] = round(span["from_s"] - began_s, 6)
            span["to_s"] = round(span["to_s"] - began_s, 6)
    return {"version": REPORT_VERSION, **record}


def _get_back(stderr: TextIO) -> None:
    """Have what the program wrote come before the report, and let that go where stderr was before the program."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # whatever it left in their place
            stream.flush()
    if stderr.closed:
        stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the rest of the process
    sys.stderr = stderr


def _show(report: OverlapReport) -> None:
    console = console_on(stderr=True)
    levels = BLOCK_LEVELS if _can_encode(BLOCK_LEVELS, console) else ASCII_LEVELS
    lines = report_lines(report, width=min(_WIDEST, console.width), levels=levels)
    console.print()
    for line in lines:
        # soft_wrap: the lines have their width already, and a place in a file is not to be broken.
        console.print(Text.assemble(*((span.text, _STYLES[span.manner]) for span in line)), soft_wrap=True)


def _can_encode(text: str, console: Console) -> bool:
    try:
        text.encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _are_written(seen: Observation, report: OverlapReport, html: str | None, record: str | None, title: str) -> bool:
    def write_record(path: str) -> None:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(report_record(report), file)
            file.write("\n")

    page = html is None or is_written(html, lambda path: seen.save_html(path, title=title))
    return (record is None or is_written(record, write_record)) and page


def _is_enough(report: OverlapReport, least: float | None) -> bool:
    if least is None or report.overlap >= least:
        return True
    if report.runs:
        _say(f"the overlap was {report.overlap:.1f}: --least-overlap asks for {least:g}")
    else:
        _say(f"there was no run: --least-overlap asks for {least:g}")
    return False


def _say(message: str) -> None:
    print(f"aiocrew: {printable(message)}", file=sys.stderr)
