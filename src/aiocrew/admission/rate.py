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
_LEAST_COUNTED_S = 0.2
_BELOW = 0.98
"""What is known to be accepted, less a little: going on at the very limit meets it again at once."""
_MOST_CUT = 0.5
_LEAST_A_SECOND = 1.0 / 60.0
_HELD_S = 3.0
_GROWTH = 0.01
_GROWTH_DOUBLES_S = 4.0
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
    nothing is rejected. The first estimate is a guess: it rests on one rejection, and perhaps the provider counts calls
    in flight and not over time. So it is doubled, each time that a call went at it and was not refused. A cut takes
    half at most, because one window of measurement may mislead.
    """

    __slots__ = (
        "_accepted",
        "_begun_s",
        "_bucket",
        "_burst",
        "_cut_s",
        "_growing_s",
        "_grown_s",
        "_guessed",
        "_peak",
        "_silence_s",
        "_tested_s",
        "_window_s",
    )

    def __init__(self, accepted: int, waits_s: float, now_s: float, *, silence_s: float) -> None:
        """The first rejection: `accepted` calls within the seconds that the provider asks to wait, or within one.

        silence_s: after how long a call that was not refused will not be.
        """
        self._silence_s = silence_s
        self._begun_s = now_s
        self._accepted = 0
        """Since it began, as far as that is known."""
        self._tested_s: float | None = None
        """Since when calls go at what was guessed."""
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

    def rejected(self, sent_s: float) -> None:
        """A call was rejected, whatever for."""
        self._accepted -= sent_s >= self._begun_s

    def cut(self, history: History, paused_until_s: float, now_s: float) -> None:
        """Measure anew: the provider rejected a call that was sent at this rate."""
        since_s = max(_LEAST_WINDOW_S, now_s - self._cut_s)
        window_s = min(_WINDOW_S, since_s)
        accepted = history.within(window_s, now_s)
        measured = accepted / window_s
        if _LEAST_COUNTED_S <= now_s - self._begun_s < window_s:
            # What was accepted before the first rejection may have been saved up.
            measured = min(measured, max(0, self._accepted) / (now_s - self._begun_s))
        working_s = since_s - max(0.0, paused_until_s - self._cut_s)
        if window_s == since_s and working_s >= _LEAST_WORKING_S:
            # In a long pause a provider saves up no more than a burst. Either way it allows at least as much.
            measured = max(measured, (accepted - self._burst) / working_s)
        rate, least = self._bucket.rate, _MOST_CUT * self._bucket.rate
        guess = self._burst / self._window_s
        if self._guessed and measured >= _AGREES * guess:
            if measured <= guess / _AGREES:
                least = 0.0  # two that agree do not mislead
            measured = max(measured, guess)  # what is counted falls short, never beyond
        self._set(max(_LEAST_A_SECOND, least, _BELOW * min(measured, rate)), now_s)
        self._bucket.set_level(min(0.0, self._bucket.level(now_s)), now_s)
        self._cut_s = self._grown_s = now_s
        self._growing_s = 0.0
        self._guessed = False

    def wanted(self, now_s: float) -> None:
        """Calls wait for it: raise it as far as it is time to."""
        if self._guessed:
            self._test(now_s)
            return
        step_s = min(_LONGEST_STEP_S, now_s - max(self._grown_s, self._cut_s + _HELD_S))
        if step_s <= 0:
            return
        growth = min(_FASTEST_GROWTH, _GROWTH * 2.0 ** (self._growing_s / _GROWTH_DOUBLES_S))
        self._set(self._bucket.rate * (1.0 + growth * step_s), now_s)
        self._growing_s += step_s
        self._grown_s = now_s

    def _test(self, now_s: float) -> None:
        """Double the guess when a call has gone at it and was not refused in due time (slow start: RFC 5681, 3.1)."""
        if self._bucket.ready_s(now_s, 1.0) <= now_s:
            return  # what was saved up goes first, and tells nothing of the rate
        if self._tested_s is None:
            self._tested_s = now_s
        elif now_s >= self._tested_s + 1.0 / self._bucket.rate + self._silence_s:
            self._tested_s = now_s
            self._set(2.0 * self._bucket.rate, now_s)

    def _set(self, rate: float, now_s: float) -> None:
        self._bucket.set_rate(rate, now_s)
        self._peak.set_rate(_PEAK * rate, now_s)
        self._peak.capacity = max(1.0, _PEAK_SLICE_S * _PEAK * rate)

    def ready_s(self, now_s: float) -> float:
        """Return when the next call may go; `now_s` or earlier if it may now."""
        return max(self._bucket.ready_s(now_s, 1.0), self._peak.ready_s(now_s, 1.0))

    def take(self, now_s: float) -> None:
        self._accepted += 1
        self._bucket.take(1.0, now_s)
        self._peak.take(1.0, now_s)

    def give_back(self, now_s: float) -> None:
        self._accepted -= 1
        self._bucket.give_back(1.0, now_s)
        self._peak.give_back(1.0, now_s)
