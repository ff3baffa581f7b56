"""Files that a command writes at its end: what is wrong with them is better said before all the work."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable

from aiocrew.console.account import printable
from aiocrew.errors import UsageError

__all__ = ["check_apart", "check_place", "is_written"]


def check_place(option: str, path: str | None) -> None:
    """Raise UsageError where no file can be written to what an option names."""
    if path is None or _is_special(path):
        return
    if path == "-":
        raise UsageError(f"{option} '-': name a file, for nothing of it goes to stdout")
    folder = os.path.dirname(os.path.abspath(path))
    if not path or os.path.isdir(path):
        raise UsageError(f"{option} {path!r}: name a file, not a folder")
    if not os.path.isdir(folder):
        raise UsageError(f"{option} {path!r}: there is no folder {folder!r}")
    if not os.access(folder, os.W_OK):
        raise UsageError(f"{option} {path!r}: nothing can be written in the folder {folder!r}")


def check_apart(files: Iterable[tuple[str, str | None]]) -> None:
    """Raise UsageError where two of `files`, each with what names it, are one: the one would be written over the other.

    None and "-" are no files, and to a pipe or a device several may go.
    """
    seen: dict[str, str] = {}
    for name, path in files:
        if path is None or path == "-" or _is_special(path):
            continue
        other = seen.setdefault(os.path.realpath(path), name)
        if other != name:
            raise UsageError(f"{other} and {name} are one file, {path!r}: the one would be written over the other")


def is_written(path: str, write: Callable[[str], None]) -> bool:
    """Have `write` write a file and return whether it could; where not, stderr says why."""
    try:
        write(path)
    except OSError as error:
        print(f"aiocrew: {printable(path)} is not written: {printable(error.strerror or str(error))}", file=sys.stderr)
        return False
    return True


def _is_special(path: str) -> bool:
    """Return whether a pipe, a device or the like is there, which keeps nothing."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)
