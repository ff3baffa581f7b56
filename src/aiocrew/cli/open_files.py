"""How many files this process may have open: every call in flight holds a connection."""

from __future__ import annotations

from contextlib import suppress

__all__ = ["allow_many_files"]


def allow_many_files() -> None:
    """Let this process open as many files as the system allows it."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS names a limit that it then refuses
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
