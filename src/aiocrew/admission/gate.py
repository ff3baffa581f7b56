"""Who may go out: the state of one limit. Pure, without locks, loops or clocks."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic, TypeVar

__all__ = ["Gate", "Ticket"]

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class Ticket(Generic[T]):
    """One waiter's place. `owner` is the caller's own, and means nothing here."""

    number: int
    line: Hashable
    owner: T
    called: bool = False


@dataclass(slots=True)
class _Line(Generic[T]):
    """The waiters of one event loop. Since `unanswered_since_s` some of them have been called and it has not moved."""

    waiting: OrderedDict[int, Ticket[T]] = field(default_factory=OrderedDict[int, Ticket[T]])
    called: int = 0
    unanswered_since_s: float | None = None

    def uncall(self, ticket: Ticket[T]) -> None:
        if ticket.called:
            ticket.called = False
            self.called -= 1
        if not self.called:
            self.unanswered_since_s = None

    def moved(self, now_s: float) -> None:
        self.unanswered_since_s = now_s if self.called else None


class Gate(Generic[T]):
    """At most `ceiling` slots are claimed, in the order in which their claimants came.

    A slot is never given, it is claimed: `calls` says which waiters may come, and each that comes asks by `claim`. A
    waiter whose line does not answer within `patience_s` (its loop is blocked) is passed over until it does, so a
    blocked loop holds nothing up; apart from that nobody is overtaken.
    """

    def __init__(self, ceiling: int, *, patience_s: float = 0.1) -> None:
        self.ceiling = ceiling
        self.claimed = 0
        self._patience_s = patience_s
        self._lines: dict[Hashable, _Line[T]] = {}
        self._next = 0

    @property
    def free(self) -> int:
        return max(0, self.ceiling - self.claimed)

    def waiting(self) -> Iterator[Ticket[T]]:
        """Iterate over all who wait, first come first."""
        return heapq.merge(*(line.waiting.values() for line in self._lines.values()), key=lambda ticket: ticket.number)

    def enter(self, line: Hashable, owner: T, now_s: float) -> Ticket[T] | None:
        """Claim a slot (None), or get in line (a ticket) where there is none or somebody waits for it already."""
        if not self._lines and self.claimed < self.ceiling:
            self.claimed += 1
            return None
        ticket = Ticket(self._next, line, owner)
        self._next += 1
        self._lines.setdefault(line, _Line()).waiting[ticket.number] = ticket
        return None if self.claim(ticket, now_s) else ticket

    def force(self) -> None:
        """Claim a slot whether there is one or not."""
        self.claimed += 1

    def claim(self, ticket: Ticket[T], now_s: float) -> bool:
        """Claim a slot for a waiter if it is its turn. Only a line that is alive asks, so this answers its calls."""
        line = self._lines.get(ticket.line)
        if line is None or ticket.number not in line.waiting:
            return False
        line.uncall(ticket)
        line.moved(now_s)
        if all(ticket is not other for other in self._turns(now_s)):
            return False
        self.leave(ticket)
        self.claimed += 1
        return True

    def leave(self, ticket: Ticket[T]) -> None:
        """Take a waiter out of its line; one that has left already stays out."""
        line = self._lines.get(ticket.line)
        if line is None or line.waiting.pop(ticket.number, None) is None:
            return
        line.uncall(ticket)
        if not line.waiting:
            del self._lines[ticket.line]

    def drop(self, line: Hashable) -> None:
        """Forget a line that will never move again."""
        self._lines.pop(line, None)

    def has_line(self, line: Hashable) -> bool:
        return line in self._lines

    def release(self) -> None:
        """Give a slot back."""
        self.claimed -= 1

    def calls(self, now_s: float) -> list[Ticket[T]]:
        """Return the waiters whose turn has come and who have not been called for it."""
        called: list[Ticket[T]] = []
        for ticket in self._turns(now_s):
            if not ticket.called:
                ticket.called = True
                line = self._lines[ticket.line]
                line.called += 1
                if line.unanswered_since_s is None:
                    line.unanswered_since_s = now_s
                called.append(ticket)
        return called

    def _turns(self, now_s: float) -> list[Ticket[T]]:
        if self.claimed >= self.ceiling:
            return []
        answering = [line.waiting.values() for line in self._lines.values() if self._answers(line, now_s)]
        if len(answering) == 1:
            return list(islice(answering[0], self.free))
        return list(islice(heapq.merge(*answering, key=lambda ticket: ticket.number), self.free))

    def _answers(self, line: _Line[T], now_s: float) -> bool:
        return line.unanswered_since_s is None or now_s - line.unanswered_since_s < self._patience_s
