"""Whether somebody wants to read replies while they come."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final, Protocol

from aiocrew.types.ports import Model

__all__ = ["ALWAYS", "Wish", "are_wanted_of", "chunk_wish"]


class Wish(Protocol):
    @property
    def wanted(self) -> bool:
        """Whether a reply that is asked for now is to come in pieces."""
        ...


class _Always:
    @property
    def wanted(self) -> bool:
        return True


ALWAYS: Final = _Always()

chunk_wish: ContextVar[Wish | None] = ContextVar("aiocrew_chunk_wish", default=None)
"""Set around a run whose events are read as a stream, and so for all that is started inside it."""


def are_wanted_of(model: Model) -> bool:
    """Return whether `model` is to be asked for pieces although its own settings do not say so.

    One whose attribute `streams` is False has said that it does not want to be.
    """
    wish = chunk_wish.get()
    return wish is not None and wish.wanted and getattr(model, "streams", True) is not False
