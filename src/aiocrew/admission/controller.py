"""Who may go now: slots, rules over time, and all who wait for them. Pure: no locks, loops or clocks."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Protocol

from aiocrew.admission.call import Call, State
from aiocrew.admission.line import Line

__all__ = ["Controller", "OverTime", "Slots"]

_PATIENCE_S = 0.1


class Slots(Protocol):
    """How many calls may be under way at once."""

    @property
    def value(self) -> int: ...

    def wanted(self, now_s: float) -> None:
        """Calls wait for a slot."""
        ...

    def grow(self, now_s: float) -> None:
        """What answers there are have been read: if calls wait and it is time to, let there be more."""
        ...

    def met(self) -> None:
        """Nobody waits for one any more."""
        ...

    def next_s(self) -> float | None:
        """Return when there may be more of them; None when only the end of a call can change that."""
        ...


class OverTime(Protocol):
    """What may go out over time."""

    def allow(self, now_s: float) -> bool:
        """Return whether one more call may go now."""
        ...

    def allow_s(self, now_s: float) -> float:
        """Return when one more call may go; `now_s` or earlier if it may now."""
        ...

    def stands(self, now_s: float) -> bool:
        """Return whether a call that has been told that it may go still may: nothing has been stopped meanwhile."""
        ...

    def wanted(self, now_s: float) -> None:
        """Calls wait for it."""
        ...

    def take(self, call: Call, now_s: float) -> None:
        """Count a call that is about to go."""
        ...

    def give_back(self, call: Call, now_s: float) -> None:
        """Uncount a call that did not go."""
        ...

    def sent(self, call: Call, now_s: float) -> None:
        """Count a call that goes now."""
        ...


class _Lane:
    """The waiting calls of one event loop."""

    __slots__ = ("aside", "called", "unanswered_s", "waiting")

    def __init__(self) -> None:
        self.waiting = 0
        """All of them, those called and those set aside included."""
        self.called: list[Call] = []
        self.unanswered_s: float | None = None
        """Since when some have been called and the loop has not moved."""
        self.aside: list[Call] = []
        """Passed over until the loop moves again."""


class Controller:
    """Calls have their turn in the order of Line; a slot is never handed over, it is claimed.

    A call is first `enter`ed. When it has to wait, `calls` says whose turn has come, and each of those claims its slot
    when its own loop runs. A loop that does not answer within `patience_s` (it is blocked) is passed over until it
    moves, so it holds nobody up. Unbounded calls wait for no slot, only for what rules over time allow.
    """

    def __init__(self, slots: Slots, rules: OverTime, *, patience_s: float = _PATIENCE_S) -> None:
        self._slots = slots
        self._rules = rules
        self.in_flight = 0
        self.called = 0
        self.waiting = 0
        """Calls that wait for their turn, those called included."""
        self.unbounded = 0
        """Of those in flight, the ones that took a slot whether there was one or not."""
        self._patience_s = patience_s
        self._line = Line()
        self._at_once: deque[Call] = deque()
        """Unbounded calls that wait for the rules."""
        self._lanes: dict[Hashable, _Lane] = {}

    # --- a call's way -------------------------------------------------------------------------------------------------

    def enter(self, call: Call, line: Hashable, now_s: float) -> bool:
        """Return True when the call is under way; False when it has got a place in line."""
        call.at = self
        if self.waiting:
            free = call.unbounded or (not self._line and self.in_flight + self.called < self._slots.value)
            free = free and not self._at_once
        else:  # as nearly always
            free = self.in_flight < self._slots.value or call.unbounded
        if free and self._rules.allow(now_s):
            self._begin(call, now_s)
            return True
        call.state, call.line = State.WAITING, line
        self.waiting += 1
        lane = self._lanes.get(line)
        if lane is None:
            lane = self._lanes[line] = _Lane()
        lane.waiting += 1
        if call.unbounded:
            self._at_once.append(call)
        else:
            self._line.push(call)
        self.moved(line, now_s)
        return False

    def claim(self, call: Call, now_s: float) -> bool:
        """Return True when the call is under way now: its turn had come, and still holds."""
        self.moved(call.line, now_s)
        if call.state is not State.CALLED or call.at is not self:
            return False
        if not self._rules.stands(now_s):
            self._call_off(self._lanes[call.line], now_s)
            return False
        self._uncall(call, now_s)
        self._out_of_line(call)
        self._begin(call, now_s)
        return True

    def leave(self, call: Call, now_s: float) -> None:
        """Take a call that gave up waiting out of line; one that is under way or has ended stays as it is."""
        if call.at is not self:
            return
        if call.state is State.CALLED:
            self._uncall(call, now_s)
        elif call.state is not State.WAITING:
            return
        elif call in self._lanes[call.line].aside:
            self._lanes[call.line].aside.remove(call)
        elif call.unbounded:
            self._at_once.remove(call)
        else:
            self._line.remove(call)
        self._out_of_line(call)
        call.state = State.ENDED
        self.moved(call.line, now_s)

    def ended(self, call: Call) -> bool:
        """Give the slot back. False when that was done already."""
        if call.state is not State.UNDER_WAY or call.at is not self:
            return False
        call.state = State.ENDED
        self.in_flight -= 1
        self.unbounded -= call.unbounded
        return True

    def _begin(self, call: Call, now_s: float) -> None:
        self._rules.sent(call, now_s)
        call.state = State.UNDER_WAY
        self.in_flight += 1
        self.unbounded += call.unbounded
        call.beside, call.slots = self.in_flight, self._slots.value

    # --- those who wait -----------------------------------------------------------------------------------------------

    def calls(self, now_s: float) -> list[Call]:
        """Return the calls whose turn has come and who have not been told."""
        told: list[Call] = []
        if not self.waiting:
            return told
        self._pass_over_silent(now_s)
        while self._at_once and self._rules.allow(now_s):
            self._tell_or_set_aside(self._at_once.popleft(), now_s, told)
        if self._at_once:
            self._rules.wanted(now_s)
        while self._line:
            if self.in_flight + self.called >= self._slots.value:
                self._slots.wanted(now_s)
                return told
            if not self._rules.allow(now_s):
                self._rules.wanted(now_s)
                break
            self._tell_or_set_aside(self._line.pop(), now_s, told)
        self._slots.met()
        return told

    def next_s(self, now_s: float) -> float | None:
        """Return when `calls` may give more although nothing has ended; None when only an end can change that."""
        times: list[float] = []
        if self._at_once:
            times.append(self._rules.allow_s(now_s))
        if self._line and self.in_flight + self.called < self._slots.value:
            times.append(self._rules.allow_s(now_s))
        elif self._line and (grows_s := self._slots.next_s()) is not None:
            times.append(grows_s)
        return min(times, default=None)

    def looked(self, line: Hashable, now_s: float) -> None:
        """Some time has passed on the event loop `line`, and it has read what answers there are."""
        self._slots.grow(now_s)
        self.moved(line, now_s)

    def moved(self, line: Hashable, now_s: float) -> None:
        """The event loop `line` runs: it answers its calls, and those that were passed over wait again."""
        lane = self._lanes.get(line)
        if lane is None:
            return
        lane.unanswered_s = now_s if lane.called else None
        if lane.aside:
            aside, lane.aside = lane.aside, []
            for call in reversed(aside):
                self._back_in_line(call)

    def has_line(self, line: Hashable) -> bool:
        """Return whether calls of this event loop wait."""
        return line in self._lanes

    def drop(self, line: Hashable, now_s: float) -> None:
        """Forget the calls of an event loop that will never move again."""
        lane = self._lanes.get(line)
        if lane is None:
            return
        self.moved(line, now_s)
        for call in [call for call in (*lane.called, *self._at_once, *self._line) if call.line == line]:
            self.leave(call, now_s)
            call.owner = None  # what it would wake leads back to it, and calls are hidden from the garbage collector

    def _tell_or_set_aside(self, call: Call, now_s: float, told: list[Call]) -> None:
        lane = self._lanes[call.line]
        if self._is_silent(lane, now_s):
            lane.aside.append(call)
            return
        call.state = State.CALLED
        self._rules.take(call, now_s)
        if not call.unbounded:
            self.called += 1
        lane.called.append(call)
        if lane.unanswered_s is None:
            lane.unanswered_s = now_s
        told.append(call)

    def _uncall(self, call: Call, now_s: float) -> None:
        lane = self._lanes[call.line]
        lane.called.remove(call)
        if not lane.called:
            lane.unanswered_s = None
        if not call.unbounded:
            self.called -= 1
        self._rules.give_back(call, now_s)

    def _call_off(self, lane: _Lane, now_s: float) -> None:
        """Put the calls of an event loop that have been told back into line, in the order in which they stood there."""
        for call in reversed(lane.called.copy()):
            self._uncall(call, now_s)
            call.state = State.WAITING
            self._back_in_line(call)

    def _back_in_line(self, call: Call) -> None:
        if call.unbounded:
            self._at_once.appendleft(call)
        else:
            self._line.give_back(call)

    def _out_of_line(self, call: Call) -> None:
        self.waiting -= 1
        if not self.waiting:
            self._slots.met()  # nobody asks whose turn it is any more, so nobody else would say it
        lane = self._lanes[call.line]
        lane.waiting -= 1
        if not lane.waiting:
            del self._lanes[call.line]

    def _is_silent(self, lane: _Lane, now_s: float) -> bool:
        return lane.unanswered_s is not None and now_s - lane.unanswered_s >= self._patience_s

    def _pass_over_silent(self, now_s: float) -> None:
        if len(self._lanes) < 2:
            return  # nobody else is held up
        for lane in self._lanes.values():
            if not (lane.called and self._is_silent(lane, now_s)):
                continue
            since_s = lane.unanswered_s
            for call in lane.called.copy():
                self._uncall(call, now_s)
                call.state = State.WAITING
                lane.aside.append(call)
            lane.unanswered_s = since_s  # it has still not answered
