"""How many calls may be in flight: given, or learned. Pure."""

from __future__ import annotations

import math

__all__ = ["Ceiling"]

_FIRST = 16.0
_OPENS_AFTER_S = 0.030
"""The first calls have so long to be refused before there are more; at most providers that is enough."""
_STEP_S = 0.001
_STEP = 2.0 ** (_STEP_S / 0.010)
"""Growth in one step: twofold in 10 ms, but spread, so that the first rejection stops it early."""
_FIRST_HELD_S = 0.1
_FIRST_HELD_SILENCES = 4.0
_FIRST_HELD_WAITS = 2.0
_HELD_S = 2.0
_HELD_CALLS = 40.0
"""A probe costs a refusal: not more than one in so many calls."""
_HELD_WAITS = 20.0
"""Where a refusal lets all wait, not more than that share of the time is waited."""
_LONGEST_HELD_S = 30.0
_SAME = 1.5
_SMOOTHING = 0.2


class Ceiling:
    """Opens at 16 and, after 30 ms, doubles every 10 ms while calls wait for it, until the first rejection.

    From then on it is what the provider was serving when it refused. That is held for a tenth of a second, then probed
    upwards by 1, 2, 4, ..., each time for as long as a refusal takes (slow start, as in RFC 5681, 3.1), until a call is
    refused again. A limit that is still where it was is left alone twice as long each time, up to 2 s or forty calls:
    so it costs few refusals, and one that was misjudged, moved or lifted is found soon.

    `most` is the user's own limit; where it is set it holds from the start and nothing has to be found.
    """

    __slots__ = (
        "_at_s",
        "_before",
        "_beside",
        "_grows_to",
        "_held_s",
        "_most",
        "_opens_s",
        "_probe",
        "_refused",
        "_round_trip_s",
        "_silence_s",
        "_value",
        "_wanted",
        "known",
        "value",
    )

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._value = _FIRST
        self._round_trip_s = 0.0
        self._at_s: float | None = None
        """When it may grow next; None while it opens and nobody waits for it to."""
        self._opens_s: float | None = None
        """When the first calls have had their time; None while none has waited."""
        self._wanted = False
        self._probe = 0.0
        """The next step of probing; 0 while it has never been cut."""
        self._held_s = 0.0
        self._silence_s = 0.0
        """After how long a call that was not refused will not be."""
        self._beside = 0
        """The most that were in flight when a call of the last burst of rejections went, that call included."""
        self._before = 0
        """What it was before that burst."""
        self._refused = 0
        """How many calls of that burst were rejected."""
        self._grows_to: float | None = None
        """After a pause it opens anew up to here, as at the beginning."""
        self.known = math.inf
        """How many the provider is known to take; what is above that is a probe. Infinity while nothing is known."""
        self.value = 0
        """How many calls may be in flight now."""
        self._update()

    @property
    def most(self) -> int | None:
        return self._most

    @most.setter
    def most(self, most: int | None) -> None:
        self._most = most
        self._update()

    def _update(self) -> None:
        # Kept, not made on demand: every call asks for it, and it seldom changes.
        most = self._most
        if most is None:
            self.value = int(self._value)
        elif not self._probe and self._grows_to is None:
            self.value = most
        else:
            self.value = min(most, int(self._value))

    def wanted(self, now_s: float) -> None:
        self._wanted = self.most is None or self.value < self.most
        if not self._wanted or self._at_s is not None:
            return
        if not self._opening:
            self._at_s = now_s + self._silence_s
            return
        if self._opens_s is None and self._grows_to is None:
            self._opens_s = now_s + _OPENS_AFTER_S
        self._at_s = max(self._opens_s or 0.0, now_s + _STEP_S)

    def grow(self, now_s: float) -> None:
        if not self._wanted or self._at_s is None or now_s < self._at_s:
            return
        if self._opening:
            self._open(now_s)
        else:
            self._value += self._probe
            self._probe = min(2 * self._probe, self._value)
            self._at_s = now_s + self._silence_s
        self._update()

    @property
    def _opening(self) -> bool:
        return not self._probe or self._grows_to is not None

    def _open(self, now_s: float) -> None:
        self._value *= _STEP
        self._at_s = now_s + _STEP_S
        if self._grows_to is not None and self._value >= self._grows_to:
            self._value, self._grows_to = self._grows_to, None
            if self._probe:
                self._at_s = now_s + self._held_s

    def next_s(self) -> float | None:
        """Return when it may grow next; None while nobody waits for it to."""
        return self._at_s if self._wanted else None

    def met(self) -> None:
        """Nobody waits for it any more: what is not needed does not grow."""
        self._wanted = False
        if self._opening:
            self._at_s = None

    def cut(
        self, beside: int, now_s: float, *, silence_s: float, waits_s: float = 0.0, in_numbers: bool = False
    ) -> None:
        """Lower it to what was being served when a call was refused, and hold it there for a while.

        beside: how many were in flight when that call went, itself included. silence_s: after how long a call that was
        not refused will not be. waits_s: for how long the provider lets all wait. in_numbers: the provider tells what
        it limits, so calls in flight are hardly that: they are not probed soon.
        """
        before, self._before = self.known, self.value
        self._beside, self._refused = beside, 1
        self._value = self.known = float(max(1, min(beside - 1, self._before)))
        self._grows_to = None
        self._probe = 1.0
        self._silence_s = silence_s
        least_s = _HELD_S if in_numbers else _FIRST_HELD_S
        first_s = max(least_s, _FIRST_HELD_SILENCES * silence_s, _FIRST_HELD_WAITS * waits_s)
        calls_s = _HELD_CALLS * self._round_trip_s / self._value
        longest_s = min(_LONGEST_HELD_S, max(_HELD_S, calls_s, _HELD_WAITS * waits_s))
        is_where_it_was = before < math.inf and self._value <= _SAME * before
        self._held_s = max(first_s, min(longest_s, 2 * self._held_s)) if is_where_it_was else first_s
        self._at_s = now_s + self._held_s + waits_s
        self._update()

    def lower(self, beside: int) -> None:
        """More calls of the same burst were rejected: fewer were accepted than it seemed."""
        # Those in flight, less those refused, were being served, whatever has ended since. Calls come in another order
        # than they were sent, and answers too, so it is the most that counts: it is known when all are there.
        self._beside = max(self._beside, beside)
        self._refused += 1
        self.known = float(max(1, min(self._beside - self._refused, self._before)))
        if self._grows_to is None:
            self._value = self.known
        else:
            self._grows_to = self.known
            self._value = min(self._value, self.known)
        self._update()

    def reopen(self) -> None:
        """Begin anew at 16 and grow to where it was: everybody waits for the end of a pause."""
        if self.value > _FIRST:
            self._grows_to = max(float(self.value), self._grows_to or 0.0)
            self._value, self._at_s = _FIRST, None
            self._update()

    def accepted(self, took_s: float, now_s: float) -> None:
        """A call ended well after so long."""
        if self._wanted:
            self.grow(now_s)  # the answers that come are being read
        self._round_trip_s += (took_s - self._round_trip_s) * (_SMOOTHING if self._round_trip_s else 1.0)
