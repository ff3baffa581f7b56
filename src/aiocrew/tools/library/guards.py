"""The folder that a tool's paths may not leave, and opening what lies in it."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from aiocrew.tools.text import clip

__all__ = ["Fence", "Place", "in_words", "place_beneath"]


def _flag(name: str) -> int:
    return getattr(os, name, 0)  # no system has them all


_HAS_OPEN_FOLDERS = os.open in os.supports_dir_fd
_FOLDER = os.O_RDONLY | _flag("O_DIRECTORY") | _flag("O_CLOEXEC")
_FOLDER_TO_PASS = _FOLDER | _flag("O_PATH")  # no right to read it is needed to pass through
_NO_LINK = _flag("O_NOFOLLOW")
# Opening a named pipe would wait until somebody writes into it.
_LONGEST = 4_096  # bytes: Linux takes no longer path, and this bounds how many folders one path can make
_LONGEST_SHOWN = 300
_FILE = os.O_RDONLY | _flag("O_BINARY") | _flag("O_CLOEXEC") | _flag("O_NOCTTY") | _flag("O_NONBLOCK")


@dataclass(frozen=True, slots=True)
class Place:
    """A folder that is open, and a name in it: what functions of `os` take as `dir_fd` and path.

    Where `folder` is None the name is a whole path.
    """

    folder: int | None
    name: str

    def open(self, flags: int, mode: int = 0o666) -> int:
        """Return a file descriptor. In an open folder a symbolic link is not followed. Raises OSError."""
        return os.open(self.name, flags | (0 if self.folder is None else _NO_LINK), mode, dir_fd=self.folder)

    def open_file(self, path: str) -> io.BufferedReader:
        """Return the file, to be read. `path` is its name in errors.

        Raises OSError; IsADirectoryError for a folder, PermissionError for a device, a pipe or a socket.
        """
        descriptor = self.open(_FILE)
        try:
            _refuse_unless_file(os.fstat(descriptor), path)
        except OSError:
            os.close(descriptor)
            raise
        return os.fdopen(descriptor, "rb")

    def open_folder(self) -> int:
        """Return a descriptor of the folder of this name, to be listed. Raises OSError."""
        return self.open(_FOLDER)

    def find(self, path: str) -> os.stat_result | None:
        """Return what the system says of the file; None where there is none. Raises as `open_file` does."""
        try:
            found = os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return None
        _refuse_unless_file(found, path)
        return found


def _refuse_unless_file(found: os.stat_result, path: str) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(f"{path!r} is a folder, not a file")
    if not stat.S_ISREG(found.st_mode):
        raise PermissionError(f"{path!r} is no ordinary file (a device, a pipe, a socket or a link)")


@dataclass(frozen=True, slots=True)
class Fence:
    """The folder that a tool's paths start from and, if `closed`, may not leave."""

    root: str
    closed: bool = True

    def real(self, path: str) -> str:
        """Return the absolute path that `path` is without any symbolic link.

        Raises ValueError for a text that is no path, PermissionError for a path that leads out, OSError for one that
        is too long.
        """
        if not path or "\0" in path:
            raise ValueError(f"{path!r} is no path of a file or folder")
        try:
            size = len(os.fsencode(path))
        except UnicodeEncodeError as error:
            raise ValueError(f"{path!r} cannot be the path of a file or folder") from error
        if size > _LONGEST:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        real = os.path.realpath(os.path.join(self.root, path))
        root = os.path.realpath(self.root)
        if self.closed and real != root and not real.startswith(os.path.join(root, "")):
            raise PermissionError(
                f"{path!r} leads out of the folder that this tool may use; give a path inside it, relative to it "
                "(root= and allow_outside= of the tool decide which one that is)"
            )
        return real

    @contextmanager
    def place(self, path: str, *, create_folders: bool = False) -> Generator[Place]:
        """Give where `path` lies, while the block lasts. Raises as `real` does, and OSError."""
        real = self.real(path)
        if self.closed and _HAS_OPEN_FOLDERS:
            with place_beneath(os.path.realpath(self.root), real, create_folders=create_folders) as place:
                yield place
            return
        if create_folders:
            os.makedirs(os.path.dirname(real), exist_ok=True)
        yield Place(None, real)


@contextmanager
def place_beneath(root: str, real: str, *, create_folders: bool = False) -> Generator[Place]:
    """Give where `real` lies, a path below `root` or `root` itself, both without symbolic links.

    The way down is gone folder by folder, so a link that somebody puts into it meanwhile is an OSError, not a way out.
    """
    *between, name = os.path.relpath(real, root).split(os.sep)
    if create_folders:
        os.makedirs(root, exist_ok=True)
    folder = os.open(root, _FOLDER_TO_PASS)
    try:
        for part in between:
            if create_folders:
                _make_folder(part, folder)
            inner = os.open(part, _FOLDER_TO_PASS | _NO_LINK, dir_fd=folder)
            os.close(folder)
            folder = inner
        yield Place(folder, name)
    finally:
        os.close(folder)


def _make_folder(name: str, folder: int) -> None:
    with suppress(FileExistsError):  # whether it is a folder shows when it is opened
        os.mkdir(name, dir_fd=folder)


@contextmanager
def in_words(path: str, kind: str = "file") -> Generator[None]:
    """Let the block's errors of the operating system say in words what is wrong with `path`, a `kind` of thing."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise  # it says so already
        path = clip(path, _LONGEST_SHOWN)
        if isinstance(error, FileNotFoundError):
            raise FileNotFoundError(f"there is no {kind} {path!r}") from error
        raise type(error)(f"the {kind} {path!r} cannot be used: {error.strerror}") from error
