"""The overlap report in words, for a terminal. Pure, but for the current folder, from which files are told."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Protocol, TypeAlias

from aiocrew.console.lines import Manner, Span
from aiocrew.console.safe_text import printable

__all__ = ["ASCII_LEVELS", "BLOCK_LEVELS", "ReportLine", "Told", "ToldCulprit", "in_words", "report_lines"]

ReportLine: TypeAlias = tuple[Span, ...]
"""One line, in parts that may be coloured; all of it is printable."""

BLOCK_LEVELS: Final = " ▁▂▃▄▅▆▇█"
ASCII_LEVELS: Final = " .:-=+*#%@"
"""For streams that cannot encode the blocks."""

_MOST_CULPRITS: Final = 12
_MOST_COLUMNS: Final = 72
_LEAST_WIDTH: Final = 40
_INDENT: Final = "   "
_NO_FUNCTION: Final = ("", "<module>")
_MUCH: Final = 1.5
"""From this on it is odd that nothing was found."""
_HARDLY: Final = 1.2
"""Below this ratio of wall time to ideal time nothing is worth saying of it."""


class ToldCulprit(Protocol):
    """What is told of a Culprit. By its shape: the records know how they are told, so this cannot name them."""

    @property
    def cause(self) -> str: ...
    @property
    def file(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def function(self) -> str: ...
    @property
    def lost_s(self) -> float: ...
    @property
    def times(self) -> int: ...
    @property
    def what(self) -> str: ...
    @property
    def instead(self) -> str: ...


class Told(Protocol):
    """What is told of an OverlapReport."""

    @property
    def runs(self) -> int: ...
    @property
    def calls(self) -> int: ...
    @property
    def wall_s(self) -> float: ...
    @property
    def ideal_s(self) -> float: ...
    @property
    def overlap(self) -> float: ...
    @property
    def peak(self) -> int: ...
    @property
    def in_flight(self) -> Sequence[tuple[float, int]]: ...
    @property
    def culprits(self) -> Sequence[ToldCulprit]: ...


def in_words(report: Told, *, width: int = 100, levels: str = BLOCK_LEVELS) -> str:
    """Return the report as plain text: its figures, then the culprits, the costliest first."""
    lines = report_lines(report, width=width, levels=levels)
    return "\n".join("".join(span.text for span in line) for line in lines)


def report_lines(report: Told, *, width: int = 100, levels: str = BLOCK_LEVELS) -> list[ReportLine]:
    """Return the report as lines of at most `width` columns, but for places in files, which are not broken.

    levels: what the curve of calls in flight is drawn with, from none to the most.
    """
    width = max(_LEAST_WIDTH, width)
    if not report.runs:
        return _paragraph("No run was seen: no crew, flow or agent of aiocrew was started meanwhile.", width)
    lines = [*_paragraph(_time(report), width), *_paragraph(_flight(report), width)]
    if report.peak:
        curve = _curve(report.in_flight, min(_MOST_COLUMNS, width - len(_INDENT)), levels)
        lines.append((Span(_INDENT), Span(curve, "name")))
    return [*lines, (), *_verdict(report, width)]


def _time(report: Told) -> str:
    took = f"{_counted(report.runs, 'run')} took {_seconds(report.wall_s)}."
    if report.ideal_s <= 0 or report.wall_s <= 0:
        return took
    ratio = report.wall_s / report.ideal_s
    if ratio < _HARDLY and report.culprits:
        return took
    if ratio < _HARDLY:
        return f"{took} The longest chain of calls that need one another takes that long: no order could be faster."
    return (
        f"{took} With nothing in the way about {_seconds(report.ideal_s)} would do, which is the longest chain of "
        f"calls that need one another: {_number(ratio)} times as fast."
    )


def _flight(report: Told) -> str:
    if not report.calls:
        return "They made no calls of models or tools."
    average, most = _number(report.overlap), f"{report.peak:,}"
    return f"{_counted(report.calls, 'call')} of models and tools: {average} in flight on average, {most} at most."


def _verdict(report: Told, width: int) -> list[ReportLine]:
    culprits = report.culprits
    if report.runs == 1 and not culprits:
        return _paragraph("With a single run there is nothing to compare: nothing could have gone on beside it.", width)
    if not culprits:
        if report.ideal_s > 0 and report.wall_s / report.ideal_s >= _MUCH:
            return _paragraph(
                "Nothing was seen that kept these runs from going on side by side. What the program itself did between "
                "them, and how many were started at once, does not show here.",
                width,
            )
        return _paragraph("Nothing kept these runs from going on side by side.", width, "good")
    lines = [_line("What kept them from going on side by side:")]
    for rank, culprit in enumerate(culprits[:_MOST_CULPRITS], 1):
        lines += [(), *_culprit(rank, culprit, report.wall_s, width)]
    left_out = len(culprits) - _MOST_CULPRITS
    if left_out > 0:
        lines += [(), _line(f"{left_out} more cost less than these.")]
    return lines


def _culprit(rank: int, culprit: ToldCulprit, wall_s: float, width: int) -> list[ReportLine]:
    share = f" ({min(culprit.lost_s / wall_s, 1):.0%})" if wall_s > 0 else ""
    times = f", {culprit.times:,} times" if culprit.times > 1 else ""
    head = (
        Span(f"{rank}. "),
        Span(f"{_seconds(culprit.lost_s)}{share}", "bad"),
        Span("  "),
        Span(printable(culprit.cause), "warning"),
        Span(times, "faint"),
    )
    lines: list[ReportLine] = [head]
    if culprit.file:
        inside = "" if culprit.function in _NO_FUNCTION else f" in {culprit.function}"
        place = f"{_shown_file(culprit.file)}:{culprit.line}"
        lines.append((Span(_INDENT), Span(printable(place), "name"), Span(printable(inside))))
    lines += _paragraph(culprit.what, width, indent=_INDENT)
    lines += _paragraph(f"instead: {culprit.instead}", width, "good", indent=_INDENT)
    return lines


def _line(text: str, manner: Manner = "") -> ReportLine:
    return (Span(text, manner),)


def _paragraph(text: str, width: int, manner: Manner = "", indent: str = "") -> list[ReportLine]:
    """Return `text` in lines, its own line breaks shown as escapes."""
    pieces = textwrap.wrap(printable(text), width - len(indent), break_long_words=False, break_on_hyphens=False)
    return [(Span(indent), Span(piece, manner)) if indent else _line(piece, manner) for piece in pieces]


def _curve(in_flight: Sequence[tuple[float, int]], columns: int, levels: str) -> str:
    """Return how many calls were in flight over the time, each column the mean of its part, to the greatest one."""
    numbers = [number for _, number in in_flight]
    columns = max(1, min(columns, len(numbers)))
    edges = [place * len(numbers) // columns for place in range(columns + 1)]
    means = [sum(numbers[first:last]) / (last - first) for first, last in pairwise(edges)]
    most = max(means)
    top = len(levels) - 1
    # Rounded up, so that little is told from nothing.
    return "".join(levels[-int(-top * mean // most)] if mean > 0 else levels[0] for mean in means)


def _shown_file(file: str) -> str:
    """Return a path as it is told: relative where it lies below the current folder."""
    try:
        relative = os.path.relpath(file)
    except (ValueError, OSError):  # another drive, or a current folder that is gone
        return file
    return file if relative.startswith("..") else relative


def _counted(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number:,} {what}s"


def _seconds(seconds: float) -> str:
    """Return a duration with about three digits."""
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    return f"{seconds:,.1f} s" if seconds < 99.95 else f"{seconds:,.0f} s"


def _number(number: float) -> str:
    return f"{number:.1f}" if number < 99.95 else f"{number:,.0f}"
