"""What most effects have in common."""

from __future__ import annotations

__all__ = ["Harmless"]


class Harmless:
    """An Effect that changes nothing of which another doing would be too much: its beginning need not be recorded."""

    __slots__ = ()

    @property
    def announced(self) -> bool:
        return False

    @property
    def repeatable(self) -> bool:
        return True
