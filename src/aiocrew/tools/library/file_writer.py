"""Writing a text file."""

from __future__ import annotations

import os
import stat
import uuid
from contextlib import suppress

from aiocrew.tools.library.file_tool import FileTool
from aiocrew.tools.library.guards import Place, in_words

__all__ = ["FileWriterTool"]

_RIGHTS = 0o777  # not setuid and setgid: nobody wanted those for what a model writes
_TO_WRITE = os.O_WRONLY | getattr(os, "O_NONBLOCK", 0)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


class FileWriterTool(FileTool):
    """Writes a text file, whole or not at all; folders that are missing are made.

    A file that is there stays as it is unless the model says `overwrite`. Writing the same text once more succeeds and
    changes nothing, so a call that was cut off by the end of a process may be run again.
    """

    name: str = "File Writer Tool"
    description: str = "Writes text into a file. A file that exists is replaced only if overwrite is true."

    def _run(self, filename: str, content: str, directory: str | None = "./", overwrite: bool = False) -> str:
        """Write `content`, in UTF-8.

        Args:
            filename: The name of the file.
            content: The whole text of the file.
            directory: The folder to put it into.
            overwrite: Replace the file if it exists.
        """
        path = os.path.normpath(os.path.join(directory or "", filename)) if filename else filename
        data = content.encode(errors="replace")  # half a surrogate pair loses no report
        with in_words(path), self._fence().place(path, create_folders=True) as place:
            found = place.find(path)
            if found is not None and not overwrite:
                _refuse_unless_equal(place, path, data)
            else:
                _put(place, path, data, found)
        return f"Wrote {len(content)} characters into {path!r}."


def _refuse_unless_equal(place: Place, path: str, data: bytes) -> None:
    with place.open_file(path) as file:
        if file.read(len(data) + 1) != data:
            raise FileExistsError(
                f"there is a file {path!r} already; write to another name, or pass overwrite=true to replace it"
            )


def _put(place: Place, path: str, data: bytes, found: os.stat_result | None) -> None:
    """Write `data` by way of a draft, so that nobody ever sees half of it; `found` is the file that it replaces."""
    mode = 0o666 if found is None else stat.S_IMODE(found.st_mode) & _RIGHTS
    if found is not None:
        os.close(place.open(_TO_WRITE))  # one that may not be written may not be replaced, whatever the folder allows
    draft = Place(place.folder, os.path.join(os.path.dirname(place.name), f".{uuid.uuid4().hex}.tmp"))
    try:
        with os.fdopen(draft.open(_NEW, mode), "wb") as file:
            file.write(data)
        if found is None:
            _give_name(draft, place, path, data)
        else:
            with suppress(OSError, NotImplementedError):  # the umask took some, and not every system gives them back
                os.chmod(draft.name, mode, dir_fd=draft.folder)
            os.replace(draft.name, place.name, src_dir_fd=draft.folder, dst_dir_fd=place.folder)
    finally:
        with suppress(OSError):
            os.unlink(draft.name, dir_fd=draft.folder)


def _give_name(draft: Place, place: Place, path: str, data: bytes) -> None:
    """Make the draft the file, unless there is one by now."""
    try:
        try:
            os.link(draft.name, place.name, src_dir_fd=draft.folder, dst_dir_fd=place.folder)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links: take the name first, then replace what is nothing yet
            os.close(place.open(_NEW))
            os.replace(draft.name, place.name, src_dir_fd=draft.folder, dst_dir_fd=place.folder)
    except FileExistsError:
        _refuse_unless_equal(place, path, data)
