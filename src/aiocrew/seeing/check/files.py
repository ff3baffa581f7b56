"""The findings of files and folders."""

from __future__ import annotations

import io
import os
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

from aiocrew.seeing.check.doors import may_use_crews
from aiocrew.seeing.check.finding import Finding
from aiocrew.seeing.check.text import check_text, unreadable

__all__ = ["check_paths", "python_files"]

_SKIPPED = frozenset({"node_modules", "site-packages", "__pycache__", "venv"})
_LARGEST = 2_000_000
"""In bytes: what is larger was made by a program."""


def check_paths(paths: Iterable[str]) -> tuple[list[Finding], int]:
    """Return what is wrong in all files below `paths`, sorted by file and place, and how many files were read.

    Raises FileNotFoundError for a path that is neither a file nor a folder.
    """
    files = sorted(set(python_files(paths)))
    return [finding for file in files for finding in _check_file(file)], len(files)


def python_files(paths: Iterable[str]) -> Iterator[str]:
    """Give the files named, whatever their names, and the *.py below the folders named; each file once.

    Hidden folders, virtual environments, installed packages and caches are passed over.
    Raises FileNotFoundError for a path that is neither a file nor a folder.
    """
    seen: set[str] = set()
    for path in paths:
        if os.path.isdir(path):
            found = _below(path)
        elif os.path.isfile(path):
            found = iter([path])
        else:
            raise FileNotFoundError(f"{path} is neither a file nor a folder")
        for file in found:
            real = os.path.realpath(file)
            if real not in seen:
                seen.add(real)
                yield file


def _below(folder: str) -> Iterator[str]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _is_skipped(parent, name))
        for name in sorted(files):
            path = os.path.join(parent, name)
            if name.endswith(".py") and os.path.isfile(path):  # what is a pipe would never end
                yield os.path.normpath(path)


def _is_skipped(parent: str, name: str) -> bool:
    return name.startswith(".") or name in _SKIPPED or os.path.exists(os.path.join(parent, name, "pyvenv.cfg"))


def _check_file(path: str) -> list[Finding]:
    try:
        data = Path(path).read_bytes()
        if not may_use_crews(data.decode("latin-1")):
            return []
        if len(data) > _LARGEST:
            return [unreadable(path, f"it is larger than {_LARGEST:,} bytes")]
        source = _text(data)
    except OSError as error:
        return [unreadable(path, error.strerror or str(error))]
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return [unreadable(path, f"it is not {error.encoding} text", line)]
    except SyntaxError as error:
        return [unreadable(path, str(error))]
    return check_text(source, path)


def _text(data: bytes) -> str:
    """Return the text as Python would read it, by its byte-order mark or its coding comment."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return data.decode(encoding)
