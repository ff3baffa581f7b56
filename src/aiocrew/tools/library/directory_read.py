"""Listing the files of a folder."""

from __future__ import annotations

import heapq
import os
import re
from collections.abc import Generator
from contextlib import closing
from itertools import islice
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from aiocrew.tools.library.file_tool import FileTool, with_path
from aiocrew.tools.library.guards import Place

__all__ = ["DirectoryReadTool"]

_DEEPEST = 64
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class _NoArguments(BaseModel):
    pass


class DirectoryReadTool(FileTool):
    """Lists the files of a folder and of all folders in it. `DirectoryReadTool("docs")` lists that folder only.

    Names are in order, hidden ones last; ? stands for a line break or another control character in them. Symbolic links
    are listed, not followed.

    directory: the folder; it may lie outside `root`. Without it the model says which; if it says nothing, it is `root`.
    max_files: how many are listed at most; the text then says that there are more.
    """

    name: str = "List files in directory"
    description: str = "Lists the files of a folder and of all folders in it."
    directory: str | None = None
    max_files: int = Field(default=1_000, ge=1)

    path_field: ClassVar[str] = "directory"
    arguments_with_path: ClassVar[type[BaseModel] | None] = _NoArguments
    description_with_path: ClassVar[str] = "Lists the files of the folder {path} and of all folders in it."
    frames_to_caller: ClassVar[int] = FileTool.frames_to_caller + 1  # __init__ below

    def __init__(self, directory: str | os.PathLike[str] | None = None, **data: Any) -> None:
        super().__init__(**with_path("directory", directory, data))

    def _run(self, directory: str | None = None) -> str:
        """Return the paths, one a line.

        Args:
            directory: The folder; without it, the one to start from.
        """
        wanted = directory or (None if self.directory else ".")
        most = self.max_files + 1
        with self._place(wanted, "folder") as (place, shown):
            folder = place.open_folder() if os.scandir in os.supports_fd else place.name
            with closing(_paths(folder, os.path.join(shown, ""), most)) as found:
                paths = [_CONTROL.sub("?", path) for path in islice(found, most)]
        if not paths:
            return f"The folder {shown!r} is empty."
        more = [f"[There are more; these are the first {self.max_files}.]"] if len(paths) == most else []
        return "\n".join([f"Files in {shown!r}:", *paths[: self.max_files], *more])


def _paths(folder: int | str, path: str, most: int, depth: int = 0) -> Generator[str]:
    """Give `path` and the rest for each file in `folder`, a descriptor that is closed in the end, or a path.

    A folder in it that is empty, cannot be read or lies too deep is given itself.
    """
    try:
        entries = _first_entries(folder, most) if depth < _DEEPEST else []
        if depth and not entries:
            yield path
        for _, name, is_folder in entries:
            if not is_folder:
                yield path + name
                continue
            inner_path = os.path.join(path, name, "")
            try:
                inner = _inner(folder, name)
            except OSError:
                yield f"{inner_path} (cannot be read)"
                continue
            yield from _paths(inner, inner_path, most, depth + 1)
    finally:
        if isinstance(folder, int):
            os.close(folder)


def _inner(folder: int | str, name: str) -> int | str:
    return os.path.join(folder, name) if isinstance(folder, str) else Place(folder, name).open_folder()


def _first_entries(folder: int | str, most: int) -> list[tuple[bool, str, bool]]:
    """Return the first `most` entries in order, as (hidden, name, is a folder): each stands for one path or more."""
    with os.scandir(folder) as entries:
        found = ((entry.name.startswith("."), entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
        return heapq.nsmallest(most, found)
