"""What goes wrong with a test's own means: scripts, cassettes, virtual time."""

from __future__ import annotations

from aiocrew.errors import AiocrewError

__all__ = ["CassetteError", "DeadlockError", "ScriptError"]


class ScriptError(AiocrewError):
    """A scripted model was asked something that its script has no answer for."""


class CassetteError(AiocrewError):
    """A run asks something else than what its cassette holds, or the cassette cannot be used; `path` is its file."""

    def __init__(self, message: str, *, path: str) -> None:
        super().__init__(message)
        self.path = path


class DeadlockError(AiocrewError):
    """Everything on a loop waits, nothing is scheduled, and nobody is left who could wake it."""
