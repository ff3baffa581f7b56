"""Reading text from files: as much as was asked for, whatever the size, and never bytes that are no text."""

from __future__ import annotations

import codecs
import io
from typing import TextIO

__all__ = ["as_text", "read_lines"]

_HEAD, _PIECE = 8_192, 65_536
_MOST_UNREADABLE = 0.25
"""Of a file's first characters. Text in an old one-byte encoding has fewer that are no UTF-8; pictures have more."""


def as_text(file: io.BufferedReader, path: str, newline: str | None = None) -> TextIO:
    """Return `file` as text: UTF-8, or UTF-16 with a byte order mark; what cannot be read is replaced.

    `newline` is that of `open`. Raises ValueError, which names `path`, if the file is no text.
    """
    head = file.peek(_HEAD)[:_HEAD]
    encoding = "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    shown = head.decode(encoding, errors="replace")
    if "\0" in shown or shown.count("\ufffd") > 1 + _MOST_UNREADABLE * len(shown):  # 1: cut by the head's end
        raise ValueError(f"{path!r} is no text in UTF-8, and this tool reads only text")
    return io.TextIOWrapper(file, encoding=encoding, errors="replace", newline=newline)


def read_lines(text: TextIO, start_line: int, line_count: int | None, longest: int) -> tuple[str, bool]:
    """Return the lines from `start_line` (the first is 1) on, and whether they were cut to `longest` characters.

    They are `line_count` lines, all where it is None. Raises ValueError if there is no such line.
    """
    passed = _pass_lines(text, start_line - 1)
    read = _up_to(text, line_count, longest + 1)
    if start_line > 1 and not read:
        raise ValueError(f"there is no line {start_line}, the file has {passed}")
    return read[:longest], len(read) > longest


def _pass_lines(text: TextIO, lines: int) -> int:
    """Go past `lines` lines, and return how many there were."""
    for number in range(lines):
        piece = text.readline(_PIECE)  # a line may be as long as the file
        if not piece:
            return number
        while piece and not piece.endswith("\n"):
            piece = text.readline(_PIECE)
    return lines


def _up_to(text: TextIO, line_count: int | None, longest: int) -> str:
    if line_count is None:
        return text.read(longest)
    pieces: list[str] = []
    while line_count > 0 and longest > 0:
        piece = text.readline(longest)
        if not piece:
            break
        pieces.append(piece)
        longest -= len(piece)
        line_count -= piece.endswith("\n")
    return "".join(pieces)
