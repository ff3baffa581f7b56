"""What the command needs of open files: enough of them, the standard ones, and one that is nobody else's."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

__all__ = ["allow_many_files", "lock_alone", "stand_in_for_closed_files"]

_STANDARD = 3


def allow_many_files() -> None:
    """Let this process open as many files as the system allows it: every call in flight holds a connection."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS names a limit that it then refuses
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def stand_in_for_closed_files() -> None:
    """Open something that cannot be written for stdin, stdout and stderr, where this process was started without them.

    Otherwise the next file to be opened has their number, and takes in what is meant for them.
    """
    while (descriptor := os.open(os.devnull, os.O_RDONLY)) < _STANDARD:
        pass  # the lowest number that is free
    os.close(descriptor)
    if sys.stderr is None:  # pyright: ignore[reportUnnecessaryComparison] - it is, where there was none
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the rest of the process


def lock_alone(descriptor: int) -> bool:
    """Lock an open file until it is closed; return False where another process, or another open file, has the lock.

    Where files cannot be locked it is True.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network file systems
        return True
    return True
