"""The inputs of a batch as they stand in a file: JSON Lines, a JSON list, CSV. A bad one spoils no other.

These functions read, so they block: they are for a thread.
"""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Iterator
from typing import Any, BinaryIO, NoReturn, TextIO, TypeAlias, cast

from aiocrew.cli.words import counted
from aiocrew.errors import BlueprintError, UsageError

__all__ = ["Record", "csv_rows", "json_lines", "json_list"]

Record: TypeAlias = dict[str, Any] | BlueprintError
"""The inputs of one run, or what is wrong with them and where they stand."""

_LONGEST_FIELD = 2**31 - 1  # the csv module's own limit, 128 KB, is less than a document; this is the most it can take


def json_lines(file: BinaryIO, name: str) -> Iterator[Record]:
    """Give the object on each line of `file`; lines without a text are left out."""
    for number, line in enumerate(file, 1):
        text = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
        if text.strip():
            yield _from_line(text.rstrip(), f"{name}, line {number}")


def json_list(file: BinaryIO, name: str) -> Iterator[Record]:
    """Give the objects of the list that `file` holds. Raises UsageError when it holds something else."""
    try:
        items: Any = _parsed(file.read().removeprefix(codecs.BOM_UTF8))
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{name} is no JSON ({error}): it must hold a list of objects; JSON Lines end in .jsonl"
        ) from None
    if not isinstance(items, list):
        raise UsageError(f"{name} must hold a list of objects, one for each run; what it holds is {_kind(items)}")
    for number, item in enumerate(cast("list[Any]", items), 1):
        yield _checked(item, f"{name}, element {number}")


def csv_rows(file: TextIO, name: str) -> Iterator[Record]:
    """Give each row of `file` as texts under the names in its first line; empty lines are left out.

    The file is to be opened with newline="" and errors="surrogateescape". Raises UsageError when the first line names
    no columns.
    """
    csv.field_size_limit(_LONGEST_FIELD)
    rows = csv.reader(file, strict=True)
    names = _header(rows, name)
    while True:
        where = f"{name}, line {rows.line_num + 1}"
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield BlueprintError(f"{where}: this is no row of CSV: {error}")
            continue
        if row:
            yield _from_row(names, row, where)


def _header(rows: Iterator[list[str]], name: str) -> list[str]:
    try:
        names = [column.strip() for column in next(rows, list[str]())]
    except csv.Error as error:
        raise UsageError(f"{name}: its first line is no CSV: {error}") from None
    if not all(_is_text(column) for column in names):
        raise UsageError(f"{name}: its first line is not UTF-8")
    if not names or not all(names) or len(set(names)) < len(names):
        raise UsageError(f"{name}: its first line must give each column a name of its own; it is {','.join(names)!r}")
    return names


def _from_row(names: list[str], row: list[str], where: str) -> Record:
    if len(row) != len(names):
        return BlueprintError(f"{where}: the row has {counted(len(row), 'field')}, the first line names {len(names)}")
    if not all(_is_text(field) for field in row):
        return BlueprintError(f"{where}: the row is not UTF-8")
    return dict(zip(names, row, strict=True))


def _is_text(field: str) -> bool:
    try:
        field.encode()
    except UnicodeEncodeError:  # bytes that are no UTF-8 were read as halves of surrogate pairs
        return False
    return True


def _from_line(line: bytes, where: str) -> Record:
    try:
        return _checked(_parsed(line), where)
    except (ValueError, RecursionError) as error:
        return BlueprintError(f"{where}: this is no JSON: {_problem(error)}")


def _problem(error: Exception) -> str:
    # Without the line, which is that of the text alone: the line of the file stands before it.
    return f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)


def _parsed(text: bytes) -> Any:
    # Decoded here, because json.loads would guess at other encodings.
    return json.loads(text.decode(), parse_constant=_refused)


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"JSON has no {constant}")


def _checked(item: Any, where: str) -> Record:
    if isinstance(item, dict):
        return cast("dict[str, Any]", item)
    return BlueprintError(
        f'{where}: an input is an object that names its values, {{"topic": "..."}}; this is {_kind(item)}'
    )


def _kind(value: Any) -> str:
    return "null" if value is None else f"of type {type(value).__name__}"
