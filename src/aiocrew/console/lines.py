"""A line of the account, for any kind of stream; how lines become plain text; and what a stream can show."""

from __future__ import annotations

import os
from typing import Literal, Protocol, TextIO, TypeAlias

import msgspec

__all__ = [
    "ASCII_MARKS",
    "BAR",
    "Column",
    "Layout",
    "Line",
    "Manner",
    "PlainLayout",
    "RunName",
    "Span",
    "is_notebook",
    "is_terminal",
    "may_be_coloured",
]

Manner: TypeAlias = Literal["", "name", "faint", "good", "warning", "bad"]

_MOST_OF_A_COLUMN = 48
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


class Layout(Protocol):
    """Makes text of lines."""

    def text(self, name: RunName, lines: tuple[Line, ...]) -> str:
        """Return whole lines, each of them under the run's name."""
        ...


class Column:
    """The width that the names of the runs take: that of the longest so far, so that what they do stands in line."""

    def __init__(self) -> None:
        self._width = 0

    def filled(self, label: str) -> str:
        """Return `label`, with blanks behind it."""
        self._width = min(_MOST_OF_A_COLUMN, max(self._width, len(label)))
        return label.ljust(self._width)


class PlainLayout:
    """Plain text. No line is broken: a file has no width."""

    def __init__(self) -> None:
        self._column = Column()

    def text(self, name: RunName, lines: tuple[Line, ...]) -> str:
        label = self._column.filled(name.label)
        return "".join(
            f"{label} {BAR} {'  ' * (name.depth + line.indent)}{line.mark} {line.text}".rstrip(" ") + "\n"
            for line in lines
        )


def may_be_coloured(stream: TextIO) -> bool:
    """Return whether `stream` is a terminal, a notebook, or said to be one by FORCE_COLOR."""
    if os.environ.get("FORCE_COLOR") or is_notebook(stream):
        return True
    return is_terminal(stream) and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


def is_notebook(stream: TextIO) -> bool:
    """Return whether what is written to `stream` appears below the cell of a notebook, colours included."""
    return type(stream).__module__.partition(".")[0] == "ipykernel"


def is_terminal(stream: TextIO) -> bool:
    """Return whether `stream` says that it is a terminal."""
    try:
        return stream.isatty()
    except (AttributeError, OSError, ValueError):  # something of the user's own, or closed
        return False
