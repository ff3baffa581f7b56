"""Searching inside a text file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from aiocrew.tools.library.file_search import FileSearchTool, QueryOnly
from aiocrew.tools.library.file_tool import with_path
from aiocrew.tools.library.text_search import cut_into_passages

__all__ = ["TXTSearchTool"]


class _AnyText(QueryOnly):
    txt: str = Field(description="The path of the text file.")


class TXTSearchTool(FileSearchTool):
    """Searches inside a text file and returns the passages that fit. `TXTSearchTool("a.txt")` searches that file only.

    txt: the file; without it, the model says which. It may lie outside `root`.
    """

    name: str = "Search a txt's content"
    description: str = "Searches a text file for words and returns the passages that fit best."
    args_schema: type[BaseModel] | None = _AnyText
    txt: str | None = None

    path_field: ClassVar[str] = "txt"
    arguments_with_path: ClassVar[type[BaseModel] | None] = QueryOnly
    description_with_path: ClassVar[str] = (
        "Searches the text file {path} for words and returns the passages that fit best."
    )
    frames_to_caller: ClassVar[int] = FileSearchTool.frames_to_caller + 1  # __init__ below

    def __init__(self, txt: str | os.PathLike[str] | None = None, **data: Any) -> None:
        super().__init__(**with_path("txt", txt, data))

    def _run(self, search_query: str, txt: str | None = None) -> str:
        return self._search(search_query, txt)

    def _parts(self, text: str, path: str, cut: bool) -> Iterable[tuple[str, str]]:
        return ((f"Passage {number}", part) for number, part in enumerate(cut_into_passages(text), 1))
