"""How many calls may be in flight: given, or learned. Pure."""

from __future__ import annotations

__all__ = ["Ceiling"]

_FIRST = 16.0
_STEP_S = 0.001
_STEP = 2.0 ** (_STEP_S / 0.010)
"""Growth in one step: twofold in 10 ms, but spread, so that the first rejection stops it early."""
_HELD_S = 2.0
_HELD_ROUND_TRIPS = 10.0
_LONGEST_HELD_S = 30.0
_LEAST_ROUND_TRIP_S = 0.010
_LONGEST_ROUND_TRIP_S = 5.0
"""A rejection comes at once, however long replies take: nobody need wait for a whole one to see whether it does."""
_SMOOTHING = 0.2


class Ceiling:
    """Opens at 16 and doubles every 10 ms, while calls wait for it, until the first rejection.

    From then on it is what was accepted. It is held for 2 to 30 s, then probed upwards each round trip, by 1, 2, 4, ...
    as long as nothing is rejected: a limit that is still there costs one rejection each time, one that was lifted is
    found soon. `most` is the user's own limit; where it is set it holds from the start and nothing has to be found.
    """

    __slots__ = ("_at_s", "_grows_to", "_most", "_probe", "_round_trip_s", "_value", "_wanted", "value")

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._value = _FIRST
        self._round_trip_s = 0.0
        self._at_s: float | None = None
        """When it may grow next; None while it opens and nobody waits for it to."""
        self._wanted = False
        self._probe = 0.0
        """The next step of probing; 0 while it has never been cut."""
        self._grows_to: float | None = None
        """After a pause it opens anew up to here, as at the beginning."""
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
        if self._wanted and self._at_s is None:
            self._at_s = now_s + (_STEP_S if self._opening else self._round_trip())

    def grow(self, now_s: float) -> None:
        if not self._wanted or self._at_s is None or now_s < self._at_s:
            return
        if self._opening:
            self._open(now_s)
        else:
            self._value += self._probe
            self._probe = min(2 * self._probe, self._value)
            self._at_s = now_s + self._round_trip()
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
                self._at_s = now_s + _HELD_S

    def next_s(self) -> float | None:
        """Return when it may grow next; None while nobody waits for it to."""
        return self._at_s if self._wanted else None

    def met(self) -> None:
        """Nobody waits for it any more: what is not needed does not grow."""
        self._wanted = False
        if self._opening:
            self._at_s = None

    def cut(self, accepted: int, now_s: float) -> None:
        """Lower it to what was accepted, and hold it there for a while."""
        self._value = float(max(1, accepted))
        self._grows_to = None
        self._probe = 1.0
        self._at_s = now_s + min(_LONGEST_HELD_S, max(_HELD_S, _HELD_ROUND_TRIPS * self._round_trip_s))
        self._update()

    def lower(self, accepted: int) -> None:
        """More calls of the same burst were rejected: fewer were accepted than it seemed."""
        self._value = min(self._value, float(max(1, accepted)))
        if self._grows_to is not None:
            self._grows_to = min(self._grows_to, float(max(1, accepted)))
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

    def _round_trip(self) -> float:
        return min(_LONGEST_ROUND_TRIP_S, max(self._round_trip_s, _LEAST_ROUND_TRIP_S))
