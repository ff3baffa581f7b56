"""The inputs of a batch, from a file or stdin, one after another: never all in memory, and never read on the loop."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any

from aiocrew.aio.pool import run_in_thread
from aiocrew.aio.stoppable import Stoppable
from aiocrew.cli.input_records import Record, csv_rows, json_lines, json_list
from aiocrew.errors import AiocrewError, BlueprintError, UsageError

__all__ = ["InputStream", "open_inputs"]

_READ_AT_ONCE = 256
"""Records that one step into a thread fetches from a file; from a pipe it is one, because the next may take hours."""
_COUNTED_BYTES = 256 * 2**20
"""A longer file is not read a second time, only to know how much is left."""
_STDIN = 0


class InputStream:
    """An async iterator of inputs; one that is not usable is given as its BlueprintError.

    records: fetched in a thread, `at_once` of them each time. count: tells how many there are, in a thread as well.
    """

    def __init__(
        self, records: Iterator[Record | None], *, at_once: int = 1, count: Callable[[], int] | None = None
    ) -> None:
        self._records = records
        self._at_once = at_once
        self._count = count
        self._ahead: deque[Record | None] = deque()
        self._reading = Stoppable()
        self._ended = False
        self.total: int | None = None
        """How many there are, where that is known."""
        self.given = 0
        """How many were given so far."""
        self.exhausted = False
        """Whether every input was given."""
        self.problems: dict[int, BlueprintError] = {}
        """What is wrong with those that are not usable, by their position."""

    async def count(self) -> None:
        """Set `total`, where there is a way to tell. Raises what reading raises."""
        if self._count is not None:
            self.total = await run_in_thread(_read, self._count)

    def end(self) -> None:
        """Give no further input, and wait for none."""
        self._ended = True
        self._reading.stop()

    def __aiter__(self) -> InputStream:
        return self

    async def __anext__(self) -> Any:
        """Return the next input. Raises AiocrewError when it cannot be read, UsageError when it holds no inputs."""
        if not self._ahead and not self._ended:
            await self._fetch()
        if self._ended or not self._ahead:
            raise StopAsyncIteration
        record = self._ahead.popleft()
        if isinstance(record, BlueprintError):
            self.problems[self.given] = record
        self.given += 1
        self.exhausted = self.given == self.total
        return record

    async def _fetch(self) -> None:
        self._reading = Stoppable()
        # A thread that waits for a pipe cannot be stopped: it is left behind, and what it still reads is nobody's.
        async with self._reading:
            self._ahead.extend(await run_in_thread(_read, lambda: list(islice(self._records, self._at_once))))
            self.exhausted = not self._ahead


def open_inputs(source: str | None) -> InputStream:
    """Return the inputs that `source` holds; nothing is read yet.

    source: the path of a .jsonl, .json or .csv file; "-" is JSON Lines on stdin; None is one run without inputs.
    Raises UsageError for what cannot be read.
    """
    if source is None:
        return InputStream(iter((None,)), count=lambda: 1)
    if source == "-":
        return InputStream(_lines_of(_STDIN, "stdin"))
    status = _checked_status(source)
    regular = stat.S_ISREG(status.st_mode)
    kind = os.path.splitext(source)[1].lower()
    if kind in (".jsonl", ".ndjson") or not (regular or kind):
        records, count = _lines_of(source, source), partial(_count_lines, source)
    elif kind == ".json":
        records, count = _list_of(source), partial(_count_records, partial(_list_of, source))
    elif kind == ".csv":
        records, count = _rows_of(source), partial(_count_records, partial(_rows_of, source))
    else:
        raise UsageError(
            f"--inputs {source!r} must end in .jsonl (one JSON object a line), .json (a list of them) or .csv"
        )
    if not regular:
        return InputStream(records)
    countable = status.st_size <= _COUNTED_BYTES
    return InputStream(records, at_once=_READ_AT_ONCE, count=count if countable else None)


def _checked_status(path: str) -> os.stat_result:
    try:
        status = os.stat(path)
    except OSError as error:
        raise UsageError(f"--inputs {path!r} cannot be read: {error.strerror}") from error
    if stat.S_ISDIR(status.st_mode):
        raise UsageError(f"--inputs {path!r} cannot be read: it is a folder")
    if not os.access(path, os.R_OK):
        raise UsageError(f"--inputs {path!r} cannot be read: this user has no right to")
    return status


# Generators, so that a file is opened in the thread that reads it: opening a named pipe waits for who writes it.


def _lines_of(file: str | int, name: str) -> Iterator[Record]:
    # stdin by its number: a thread may still wait for it when the interpreter ends, which then must not close it.
    with open(file, "rb", closefd=file != _STDIN) as lines:
        yield from json_lines(lines, name)


def _list_of(path: str) -> Iterator[Record]:
    with open(path, "rb") as file:
        yield from json_list(file, path)


def _rows_of(path: str) -> Iterator[Record]:
    with open(path, newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
        yield from csv_rows(file, path)


def _count_lines(path: str) -> int:
    with open(path, "rb") as file:
        return sum(1 for line in file if not line.isspace())


def _count_records(records: Callable[[], Iterator[Record]]) -> int:
    return sum(1 for _ in records())


def _read(reading: Callable[[], Any]) -> Any:
    try:
        return reading()
    except OSError as error:
        raise AiocrewError(f"the inputs cannot be read: {error.strerror or error}") from error
