"""Searching inside a CSV file."""

from __future__ import annotations

import csv as csv_module
import io
import os
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from aiocrew.tools.library.file_search import FileSearchTool, QueryOnly
from aiocrew.tools.library.file_tool import with_path
from aiocrew.tools.text import clip

__all__ = ["CSVSearchTool", "rows_in_words"]

_LONGEST_NAME = 100  # it stands in each row: a long one would make many times the file of it


class _AnyTable(QueryOnly):
    csv: str = Field(description="The path of the CSV file.")


class CSVSearchTool(FileSearchTool):
    """Searches inside a CSV file and returns the rows that fit. `CSVSearchTool("a.csv")` searches that file only.

    A row is found and returned whole, each value with its column's name. Commas, semicolons, tabs and bars part values.

    csv: the file; without it, the model says which. It may lie outside `root`.
    """

    name: str = "Search a CSV's content"
    description: str = "Searches a CSV file for words and returns the rows that fit best, with the columns' names."
    args_schema: type[BaseModel] | None = _AnyTable
    csv: str | None = None

    path_field: ClassVar[str] = "csv"
    arguments_with_path: ClassVar[type[BaseModel] | None] = QueryOnly
    description_with_path: ClassVar[str] = (
        "Searches the CSV file {path} for words and returns the rows that fit best, with the columns' names."
    )
    frames_to_caller: ClassVar[int] = FileSearchTool.frames_to_caller + 1  # __init__ below

    def __init__(self, csv: str | os.PathLike[str] | None = None, **data: Any) -> None:
        super().__init__(**with_path("csv", csv, data))

    def _run(self, search_query: str, csv: str | None = None) -> str:
        return self._search(search_query, csv, newline="")

    def _parts(self, text: str, path: str, cut: bool) -> Iterable[tuple[str, str]]:
        return rows_in_words(text, path, cut=cut)


def rows_in_words(text: str, path: str, *, cut: bool = False) -> Iterator[tuple[str, str]]:
    """Give each row after the first, which names the columns, as ("Row 2", a line "name: value" for each value).

    Values that are empty are left out, and so is the last row of a text that is `cut`. Raises ValueError, which names
    `path`, for a text that is no CSV.
    """
    rows = csv_module.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    try:
        names = [clip(name.strip(), _LONGEST_NAME) for name in next(rows, None) or []]
        last = ("", "")
        for number, row in enumerate(rows, 2):
            if last[1]:
                yield last
            last = (f"Row {number}", "\n".join(_cells(names, row)))
        if last[1] and not cut:
            yield last
    except csv_module.Error as error:
        raise ValueError(f"{path!r} cannot be read as CSV: {error} in line {rows.line_num}") from error


def _cells(names: list[str], row: list[str]) -> Iterator[str]:
    # As many steps as the row has values: a first line may name a million columns.
    for number, value in enumerate(row, 1):
        if value.strip():
            name = names[number - 1] if number <= len(names) else ""
            yield f"{name or f'column {number}'}: {value.strip()}"


def _delimiter(text: str) -> str:
    first_line = text[: text.find("\n")] if "\n" in text else text
    return max(",;\t|", key=first_line.count)
