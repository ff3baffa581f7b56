"""What the tools that search inside one file have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pydantic import Field

from aiocrew.tools.base import BaseTool
from aiocrew.tools.library.file_tool import FileArguments, FileTool
from aiocrew.tools.library.text_files import as_text
from aiocrew.tools.library.text_search import best_of
from aiocrew.tools.text import clip

__all__ = ["FileSearchTool", "QueryOnly"]

_LONGEST_SHOWN, _LONGEST_QUERY_SHOWN = 4_000, 200


class QueryOnly(FileArguments):
    search_query: str = Field(description="What to look for, in words.")


class FileSearchTool(FileTool):
    """Searches inside a file: what holds the words of the query, the rarer a word the more it counts.

    There is no model in it, so nothing is sent anywhere and no key is needed; a synonym is not found.

    limit: how many places are returned at most.
    max_characters: how much of a file is searched at most; the result then says so.
    """

    limit: int = Field(default=5, ge=1)
    max_characters: int = Field(default=10_000_000, ge=1)

    not_built: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        **BaseTool.not_built,
        "adapter": (None,),
        "collection_name": (None,),
        "config": (None, {}),
        "similarity_threshold": (None,),
        "summarize": (False, None),
    }

    def _search(self, query: str, path: str | None, newline: str | None = None) -> str:
        with (
            self._place(path) as (place, shown),
            place.open_file(shown) as file,
            as_text(file, shown, newline) as text,
        ):
            read = text.read(self.max_characters + 1)
        cut = len(read) > self.max_characters
        found = best_of(self._parts(read[: self.max_characters], shown, cut), query, self.limit)
        note = [f"[Only the first {self.max_characters} characters of the file were searched.]"] if cut else []
        query = clip(query, _LONGEST_QUERY_SHOWN)
        if not found:
            return "\n\n".join([f"Nothing in {shown!r} holds a word of {query!r}.", *note])
        places = [f"{item.source}:\n{clip(item.text, _LONGEST_SHOWN)}" for item in found]
        return "\n\n".join([f"Found in {shown!r} for {query!r}, the best first:", *places, *note])

    def _parts(self, text: str, path: str, cut: bool) -> Iterable[tuple[str, str]]:
        """Return what may be found in `text`, each with what it is called. If it is `cut`, its end is missing."""
        raise NotImplementedError
