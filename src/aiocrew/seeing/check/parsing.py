"""Source to syntax tree; what Python cannot parse is one error with a line."""

from __future__ import annotations

import ast
import warnings

__all__ = ["ParseError", "parse"]


class ParseError(Exception):
    """The text is not Python, or not for this version; `line` and `column` count from 1."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.line, self.column = line, column


def parse(source: str) -> ast.Module:
    """Return the tree of `source`. Raises ParseError, also for what is nested too deeply or holds a null byte."""
    if "\0" in source:
        raise ParseError("it holds a null byte", source.count("\n", 0, source.index("\0")) + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python thinks of an escape in it is not the question
            return ast.parse(source)
    except SyntaxError as error:
        raise ParseError(error.msg, error.lineno or 1, error.offset or 1) from None
    except (RecursionError, MemoryError):
        raise ParseError("it is nested too deeply to be read") from None
