"""A line of the account before it is laid out: what it says, and in which manner, for any kind of stream."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

__all__ = ["ASCII_MARKS", "BAR", "Line", "Manner", "RunName", "Span"]

Manner: TypeAlias = Literal["", "name", "faint", "good", "warning", "bad"]

BAR = "│"
ASCII_MARKS = str.maketrans(
    {"│": "|", "▶": ">", "●": "*", "→": ">", "←": "<", "✓": "+", "✗": "x", "↻": "~", "⧗": "~", "·": ",", "…": "..."}
)
"""For streams that cannot encode the marks."""


class Span(msgspec.Struct, frozen=True, gc=False):
    """A part of a line. Its text is printable."""

    text: str
    manner: Manner = ""


class Line(msgspec.Struct, frozen=True):
    mark: str
    """One character that says at a glance what the line is about; a space where it goes on from the line above."""
    manner: Manner
    """That of the mark."""
    spans: tuple[Span, ...]
    indent: int = 0

    @property
    def text(self) -> str:
        return "".join(span.text for span in self.spans)


class RunName(msgspec.Struct, frozen=True, gc=False):
    """What stands before each line of a run."""

    label: str
    number: str
    """`7` for a run, `7.2` for the second one that was started inside it."""
    colour: int
    """Which of the colours; runs inside a run have that run's."""

    @property
    def depth(self) -> int:
        """Inside how many runs it was started."""
        return self.number.count(".")
