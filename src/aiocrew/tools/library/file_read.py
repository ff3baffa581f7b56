"""Reading a text file."""

from __future__ import annotations

import os
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from aiocrew.tools.library.file_tool import FileArguments, FileTool, with_path
from aiocrew.tools.library.text_files import as_text, read_lines

__all__ = ["FileReadTool"]


class _AnyFile(FileArguments):
    file_path: str = Field(description="The path of the file.")
    start_line: int | None = Field(default=1, ge=1, description="The line to start from; the first is 1.")
    line_count: int | None = Field(default=None, ge=1, description="How many lines to read; without it, all.")


class _GivenFile(_AnyFile):
    file_path: str | None = Field(  # pyright: ignore[reportIncompatibleVariableOverride] -- a schema of its own
        default=None, description="The path of another file than the usual one."
    )


class FileReadTool(FileTool):
    """Reads a text file, or some lines of it. `FileReadTool("notes.md")` reads that file unless told otherwise.

    file_path: the file that is read where the model names none; it may lie outside `root`.
    max_characters: how much of a file one call returns at most; the text then says that it was cut.
    """

    name: str = "Read a file's content"
    description: str = "Reads a text file and returns its content, all of it or some lines."
    args_schema: type[BaseModel] | None = _AnyFile
    file_path: str | None = None
    max_characters: int = Field(default=1_000_000, ge=1)

    path_field: ClassVar[str] = "file_path"
    arguments_with_path: ClassVar[type[BaseModel] | None] = _GivenFile
    description_with_path: ClassVar[str] = (
        "Reads a text file and returns its content, all of it or some lines. Without file_path it reads {path}."
    )
    frames_to_caller: ClassVar[int] = FileTool.frames_to_caller + 1  # __init__ below

    def __init__(self, file_path: str | os.PathLike[str] | None = None, **data: Any) -> None:
        super().__init__(**with_path("file_path", file_path, data))

    def _run(self, file_path: str | None = None, start_line: int | None = 1, line_count: int | None = None) -> str:
        first = start_line or 1
        with self._place(file_path) as (place, shown), place.open_file(shown) as file, as_text(file, shown) as text:
            read, cut = read_lines(text, first, line_count, self.max_characters)
        return f"{read}\n\n{_cut_note(first, read)}" if cut else read


def _cut_note(first: int, read: str) -> str:
    reached = first + read.count("\n")
    more = f"; the rest begins in line {reached}, read on with start_line={reached}" if reached > first else ""
    return f"[Cut after {len(read)} characters{more}.]"
