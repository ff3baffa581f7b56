"""What the checker found, where, and what to write instead."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Finding", "Found", "Located"]

Located: TypeAlias = ast.expr | ast.stmt
"""A piece of syntax that has a place in its file."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One fault in a file. Lines and columns count from 1, columns in characters; the end is behind the last one."""

    path: str
    line: int
    column: int
    code: str
    message: str
    instead: str
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Found:
    """A fault at a piece of syntax, before it is known in which file that stands."""

    node: Located
    code: str
    message: str
    instead: str
