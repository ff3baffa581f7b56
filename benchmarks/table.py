"""The rows of the benchmark, and the one table that they make."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

import msgspec

__all__ = ["Limit", "Row", "format_table", "missed"]


class Limit(msgspec.Struct, frozen=True):
    """What a row is held to: its ratio, or our own figure."""

    of: Literal["ratio", "ours"]
    relation: Literal["<=", "<", ">=", "="]
    value: float

    def holds(self, figure: float) -> bool:
        match self.relation:
            case "<=":
                return figure <= self.value
            case "<":
                return figure < self.value
            case ">=":
                return figure >= self.value
            case "=":
                return figure == self.value

    def __str__(self) -> str:
        return f"{self.of} {self.relation} {self.value:g}"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One figure, ours beside the bare loop's."""

    name: str
    ours: float | None = None
    bare: float | None = None
    unit: str = ""
    ratio: float | None = None
    spread: tuple[float, float] | None = None
    """First and third quartile over the rounds, of the ratio (of our figure where there is no ratio)."""
    limit: Limit | None = None
    note: str = ""
    failed: str = ""
    """Why there is no figure."""

    @property
    def verdict(self) -> str:
        """ "ok", "missed", "failed", or empty for a row that is only to be known."""
        if self.failed:
            return "failed"
        if self.limit is None:
            return ""
        figure = self.ratio if self.limit.of == "ratio" else self.ours
        if figure is None:
            return "failed"
        return "ok" if self.limit.holds(figure) else "missed"


HEADINGS = ("row", "ours", "bare", "ratio", "quartiles", "target", "", "")


def format_table(rows: Sequence[Row]) -> str:
    """Return the table as text, one line a row, and the notes below it by number."""
    notes = [row.failed or row.note for row in rows]
    numbers = itertools.count(1)
    marks = [f"[{next(numbers)}]" if note else "" for note in notes]
    lines = [HEADINGS, *((*_cells(row), mark) for row, mark in zip(rows, marks, strict=True))]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    below = [f"{mark} {note}" for mark, note in zip(marks, notes, strict=True) if note]
    return "\n".join([text[0], "-" * max(map(len, text)), *text[1:], "", *below])


def missed(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that did not hold their target or gave no figure."""
    return [row for row in rows if row.verdict in ("missed", "failed")]


def _cells(row: Row) -> tuple[str, ...]:
    spread = "" if row.spread is None else f"{_number(row.spread[0])}-{_number(row.spread[1])}"
    return (
        row.name,
        _figure(row.ours, row.unit),
        _figure(row.bare, row.unit),
        "" if row.ratio is None else f"{row.ratio:.2f}",
        spread,
        "" if row.limit is None else str(row.limit),
        row.verdict,
    )


def _figure(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{_number(value)} {unit}".rstrip()


def _number(value: float) -> str:
    if value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.2f}" if abs(value) < 10 else f"{value:,.1f}" if abs(value) < 100 else f"{value:,.0f}"
