"""The layout for terminals and notebooks, through rich: a colour for each run, long lines kept under its name.

This is the only module here that loads rich.
"""

from __future__ import annotations

from typing import TextIO

from rich.console import Console
from rich.style import Style
from rich.text import Text

from aiocrew.console.lines import BAR, Column, Line, Manner, RunName, is_notebook, is_terminal

__all__ = ["RichLayout", "rich_layout"]

_MANNERS: dict[Manner, str] = {
    "": "",
    "name": "bold",
    "faint": "dim",
    "good": "green",
    "warning": "yellow",
    "bad": "red",
}
_RUNS = ("cyan", "magenta", "blue", "green", "yellow", "bright_cyan", "bright_magenta", "bright_blue")
_LEAST_FOR_TEXT = 24


def rich_layout(stream: TextIO) -> RichLayout | None:
    """Return rich's layout for `stream`; None where that can show no colour, by itself or by what the user said."""
    # Not by rich's own way to show something in a notebook: that makes a block of HTML of each line.
    forced = True if is_notebook(stream) else None
    console = Console(
        file=stream, markup=False, highlight=False, emoji=False, force_jupyter=False, force_terminal=forced
    )
    # The old Windows console takes no escape sequences: rich would have to paint it itself, past the stream.
    if console.color_system is None or console.is_dumb_terminal or console.legacy_windows:
        return None
    return RichLayout(console, breaks_lines=is_terminal(stream))


class RichLayout:
    """Text with the escape sequences of the terminal that `console` stands for."""

    def __init__(self, console: Console, *, breaks_lines: bool) -> None:
        self._console = console
        self._breaks_lines = breaks_lines
        self._column = Column()

    def text(self, name: RunName, lines: tuple[Line, ...]) -> str:
        label = self._column.filled(name.label)
        width = self._console.width if self._breaks_lines else None
        if width is not None and width - len(label) < _LEAST_FOR_TEXT:
            width = None  # the terminal breaks them, as well as can be
        shown = [piece for line in lines for piece in self._broken(line, name, label, width)]
        with self._console.capture() as captured:
            for piece in shown:
                self._console.print(piece, soft_wrap=True)
        return captured.get()

    def _broken(self, line: Line, name: RunName, label: str, width: int | None) -> list[Text]:
        lead = Text.assemble((label, f"bold {_RUNS[name.colour % len(_RUNS)]}"), (f" {BAR} ", "dim"))
        lead.append("  " * (name.depth + line.indent))
        says = Text.assemble(*((span.text, _MANNERS[span.manner]) for span in line.spans))
        pieces = [says]
        if width is not None:
            pieces = list(says.wrap(self._console, max(_LEAST_FOR_TEXT, width - lead.cell_len - 2), overflow="fold"))
            for piece in pieces:
                piece.rstrip()
        marks = [(line.mark, Style.parse(_MANNERS[line.manner]))] + [(" ", Style.null())] * (len(pieces) - 1)
        return [Text.assemble(lead, mark, " ", piece) for mark, piece in zip(marks, pieces, strict=True)]
