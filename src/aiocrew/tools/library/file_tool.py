"""What the tools for files have in common: the folder that they stay in, and a path that was given at the start."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, PrivateAttr

from aiocrew.tools.library.given import TakesGiven
from aiocrew.tools.library.guards import Fence, Place, in_words

__all__ = ["FileArguments", "FileTool", "never_reuse", "with_path"]


def never_reuse(args: Any = None, result: Any = None) -> bool:
    """A `cache_function`: files change during a run, so each call looks anew."""
    return False


def with_path(field: str, path: str | os.PathLike[str] | None, data: dict[str, Any]) -> dict[str, Any]:
    """Return `data` and `path` as its `field`, if there is one."""
    return data if path is None else {**data, field: os.fspath(path)}


class FileArguments(BaseModel):
    # No docstring in this and its kind: it would stand in the schema that a model reads.
    model_config = ConfigDict(coerce_numbers_to_str=True)  # models write a name of digits as a number


class FileTool(TakesGiven):
    """A tool whose paths, as a model gives them, start from the folder `root` and do not leave it.

    Symbolic links count by where they lead. A path that was given when the tool was made may lie anywhere.

    root: relative to the working directory in which the tool was made.
    allow_outside: a model's paths may lead anywhere; relative ones still start from `root`.
    """

    root: str | os.PathLike[str] = "."
    allow_outside: bool = False
    cache_function: Callable[..., Any] = never_reuse

    path_field: ClassVar[str] = ""
    """The field with the path that was given when the tool was made; empty where a tool takes none."""
    arguments_with_path: ClassVar[type[BaseModel] | None] = None
    """The `args_schema` where there is such a path."""
    description_with_path: ClassVar[str] = ""
    """The description where there is such a path; {path} stands for it."""

    _made_in: str = PrivateAttr(default_factory=os.getcwd)

    def _fitted(self) -> Mapping[str, type[BaseModel] | str | None]:
        given = self._given_path()
        if given is None:
            return {}
        description = self.description_with_path.format(path=repr(given))
        return {"args_schema": self.arguments_with_path, "description": description}

    def _given_path(self) -> str | None:
        return getattr(self, self.path_field) if self.path_field else None

    def _fence(self) -> Fence:
        return Fence(os.path.join(self._made_in, os.path.expanduser(self.root)), closed=not self.allow_outside)

    @contextmanager
    def _place(self, path: str | None, kind: str = "file") -> Generator[tuple[Place, str]]:
        """Give where `path` lies, the given path where it is empty, and what to call it in words.

        Raises ValueError, PermissionError and other OSErrors whose texts tell a model what to do; in the block, too.
        """
        fence, given = self._fence(), self._given_path()
        if given is not None and self._means_given(path, given, fence):
            path, fence = given, Fence(self._made_in, closed=False)
        if not path:
            raise ValueError(f"say which {kind}")
        with in_words(path, kind), fence.place(os.path.expanduser(path) if path is given else path) as place:
            yield place, path

    def _means_given(self, path: str | None, given: str, fence: Fence) -> bool:
        whole = os.path.normpath(os.path.join(self._made_in, os.path.expanduser(given)))
        return not path or path == given or os.path.normpath(os.path.join(fence.root, path)) == whole
