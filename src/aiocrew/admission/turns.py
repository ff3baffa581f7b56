"""Whose turn it is among those who wait, over several event loops. Pure, without locks, loops or clocks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Place", "Turns"]

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class Place(Generic[T]):
    """One waiter's place. `owner` is the caller's own, and means nothing here."""

    number: int
    line: Hashable
    owner: T
    called_at_s: float | None = None
    """Since when it has been called and has not answered."""


class Turns(Generic[T]):
    """First come, first served.

    Each event loop has a line. When something may have changed, the first of every line is called, and answers; it is
    the turn of the one who came first. Who does not answer within `patience_s` (its loop is blocked) is passed over
    until it does, with its whole line, so a blocked loop holds nobody up; apart from that nobody is overtaken.
    """

    def __init__(self, *, patience_s: float = 0.1) -> None:
        self._patience_s = patience_s
        self._lines: dict[Hashable, OrderedDict[int, Place[T]]] = {}
        self._next = 0

    def __bool__(self) -> bool:
        return bool(self._lines)

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def enter(self, line: Hashable, owner: T) -> Place[T]:
        """Get in line."""
        place = Place(self._next, line, owner)
        self._next += 1
        self._lines.setdefault(line, OrderedDict())[place.number] = place
        return place

    def answer(self, place: Place[T], now_s: float) -> float | None:
        """Return after how many seconds it may be this one's turn: 0 is now, None when it is called again."""
        place.called_at_s = None
        line = self._lines.get(place.line)
        if line is None or _first(line) is not place:
            return None
        wait_s = 0.0
        for other in map(_first, self._lines.values()):
            if other.number < place.number:
                if other.called_at_s is None:
                    return None
                wait_s = max(wait_s, other.called_at_s + self._patience_s - now_s)
        return wait_s

    def leave(self, place: Place[T]) -> None:
        """Get out of line; one that has left already stays out."""
        line = self._lines.get(place.line)
        if line is not None and line.pop(place.number, None) is not None and not line:
            del self._lines[place.line]

    def drop(self, line: Hashable) -> None:
        """Forget a line that will never move again."""
        self._lines.pop(line, None)

    def calls(self, now_s: float) -> list[Place[T]]:
        """Return those who are to be called now and have not been, first come first."""
        called = [place for place in map(_first, self._lines.values()) if place.called_at_s is None]
        for place in called:
            place.called_at_s = now_s
        return sorted(called, key=lambda place: place.number)


def _first(line: OrderedDict[int, Place[T]]) -> Place[T]:
    return next(iter(line.values()))
