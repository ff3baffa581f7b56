"""A rate of requests that was learned from what a provider accepted. Pure."""

from __future__ import annotations

import math
from collections import deque

from aiocrew.admission.bucket import Bucket

__all__ = ["History", "LearnedRate"]

_SLICE_S = 0.1
_KEPT_S = 120.0


class History:
    """How many calls were accepted, in slices of a tenth of a second, for the last two minutes."""

    __slots__ = ("_calls", "_ends_s", "_slices")

    def __init__(self) -> None:
        self._slices: deque[tuple[int, int]] = deque(maxlen=int(_KEPT_S / _SLICE_S))
        self._calls = 0
        """In the slice that is going on, which ends at `_ends_s`."""
        self._ends_s = -math.inf

    def add(self, calls: int, now_s: float) -> None:
        """Count calls that were sent, or (negative) calls that turned out to be rejected."""
        if now_s >= self._ends_s:
            self._begin(now_s)
        self._calls += calls

    def _begin(self, now_s: float) -> None:
        if self._calls:
            self._slices.append((round(self._ends_s / _SLICE_S) - 1, self._calls))
        self._calls = 0
        self._ends_s = (int(now_s / _SLICE_S) + 1) * _SLICE_S

    def within(self, seconds: float, now_s: float) -> int:
        """Return how many there were in the last `seconds`, less the slice in which those begin."""
        since = int((now_s - seconds) / _SLICE_S)
        return max(0, self._calls + sum(calls for at, calls in self._slices if at > since))


_WINDOW_S = 10.0
_LEAST_WINDOW_S = 1.0
_LEAST_WORKING_S = 0.5
_BELOW = 0.98
"""What is known to be accepted, less a little: going on at the very limit meets it again at once."""
_MOST_CUT = 0.5
_LEAST_A_SECOND = 1.0 / 60.0
_HELD_S = 3.0
_GROWTH = 0.01
_GROWTH_DOUBLES_S = 4.0
_GUESSED_HELD_S = 1.0
_GUESSED_GROWTH = 0.2
_GUESSED_GROWTH_DOUBLES_S = 1.0
_FASTEST_GROWTH = 1.0
_LONGEST_STEP_S = 1.0
_AGREES = 0.9
_BURST = 0.95
"""Of the first burst that was accepted, what is saved up during a pause."""
_PEAK = 2.0
"""How many times the rate what was saved up may be spent."""
_PEAK_SLICE_S = 0.02
"""Timers are no finer than this where many calls a second are due."""


class LearnedRate:
    """Requests a second, and a little that is saved up while none are sent.

    Between two rejections a provider that counts requests over time has accepted just what it allows for that time:
    that is the rate. Slightly below it is held for three seconds, then raised by 1 % a second, and faster as long as
    nothing is rejected. The first estimate, which rests on one rejection, is raised sooner and by 20 % a second. A cut
    takes half at most, because one window of measurement may mislead.
    """

    __slots__ = ("_bucket", "_burst", "_cut_s", "_growing_s", "_grown_s", "_guessed", "_peak", "_window_s")

    def __init__(self, accepted: int, waits_s: float, now_s: float) -> None:
        """The first rejection: `accepted` calls within the seconds that the provider asks to wait, or within one."""
        self._window_s = max(waits_s, _LEAST_WINDOW_S)
        self._bucket = Bucket(0.0, 1.0, now_s, 0.0)
        self._peak = Bucket(0.0, 1.0, now_s)
        self._burst = accepted
        self._cut_s = self._grown_s = now_s
        self._growing_s = 0.0
        """For how long calls have waited for it since it was held."""
        self._guessed = True
        """It comes from one rejection: what was accepted before may have been saved up, or the first of much more."""
        self._guess(now_s)

    def _guess(self, now_s: float) -> None:
        self._bucket.capacity = max(1.0, _BURST * self._burst)
        self._set(max(_LEAST_A_SECOND, _BELOW * max(1, self._burst) / self._window_s), now_s)

    def counted_too_many(self, now_s: float) -> None:
        """One more call of the burst that was measured was rejected."""
        if self._guessed and self._burst > 1:
            self._burst -= 1
            self._guess(now_s)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self._bucket.rate

    @property
    def cut_s(self) -> float:
        """When it was measured last."""
        return self._cut_s

    def cut(self, history: History, paused_until_s: float, now_s: float) -> None:
        """Measure anew: the provider rejected a call that was sent at this rate."""
        since_s = max(_LEAST_WINDOW_S, now_s - self._cut_s)
        window_s = min(_WINDOW_S, since_s)
        accepted = history.within(window_s, now_s)
        measured = accepted / window_s
        working_s = since_s - max(0.0, paused_until_s - self._cut_s)
        if window_s == since_s and working_s >= _LEAST_WORKING_S:
            # In a long pause a provider saves up no more than a burst. Either way it allows at least as much.
            measured = max(measured, (accepted - self._burst) / working_s)
        guess = self._burst / self._window_s
        if self._guessed and measured >= _AGREES * guess:
            measured = max(measured, guess)  # of two that agree: what is counted falls short, never beyond
        rate = self._bucket.rate
        self._set(max(_LEAST_A_SECOND, _MOST_CUT * rate, _BELOW * min(measured, rate)), now_s)
        self._bucket.set_level(min(0.0, self._bucket.level(now_s)), now_s)
        self._cut_s = self._grown_s = now_s
        self._growing_s = 0.0
        self._guessed = False

    def wanted(self, now_s: float) -> None:
        """Calls wait for it: raise it as far as it is time to."""
        held_s = _GUESSED_HELD_S if self._guessed else _HELD_S
        step_s = min(_LONGEST_STEP_S, now_s - max(self._grown_s, self._cut_s + held_s))
        if step_s <= 0:
            return
        growth, doubles_s = (
            (_GUESSED_GROWTH, _GUESSED_GROWTH_DOUBLES_S) if self._guessed else (_GROWTH, _GROWTH_DOUBLES_S)
        )
        growth = min(_FASTEST_GROWTH, growth * 2.0 ** (self._growing_s / doubles_s))
        self._set(self._bucket.rate * (1.0 + growth * step_s), now_s)
        self._growing_s += step_s
        self._grown_s = now_s

    def _set(self, rate: float, now_s: float) -> None:
        self._bucket.set_rate(rate, now_s)
        self._peak.set_rate(_PEAK * rate, now_s)
        self._peak.capacity = max(1.0, _PEAK_SLICE_S * _PEAK * rate)

    def ready_s(self, now_s: float) -> float:
        """Return when the next call may go; `now_s` or earlier if it may now."""
        return max(self._bucket.ready_s(now_s, 1.0), self._peak.ready_s(now_s, 1.0))

    def take(self, now_s: float) -> None:
        self._bucket.take(1.0, now_s)
        self._peak.take(1.0, now_s)

    def give_back(self, now_s: float) -> None:
        self._bucket.give_back(1.0, now_s)
        self._peak.give_back(1.0, now_s)
