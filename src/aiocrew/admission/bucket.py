"""Something that refills continuously and is used up by calls: requests or tokens of a minute. Pure."""

from __future__ import annotations

import math

__all__ = ["Bucket"]

_ROUNDING = 1e-6


class Bucket:
    """`capacity` at most, refilled at `rate` a second. What is taken may be more than there is: then it is in debt.

    So a call that is larger than the bucket waits until it is its turn and anything is there, and the next one until
    the debt is paid: nobody starves, and the mean is kept.
    """

    __slots__ = ("_at_s", "_kept", "_level", "capacity", "rate")

    def __init__(self, rate: float, capacity: float, now_s: float | None = None, level: float | None = None) -> None:
        """Full, unless a `level` is given; without `now_s` its time begins when it is first looked at."""
        self.rate = rate
        self.capacity = capacity
        self._level = capacity if level is None else level
        self._at_s = now_s
        self._kept = 0.0
        """What is set aside; with what is there it is no more than the capacity."""

    def level(self, now_s: float) -> float:
        """Return what is there now; negative is a debt."""
        if self._at_s is None:
            self._at_s = now_s
        elif now_s > self._at_s:
            self._level = min(self.capacity - self._kept, self._level + (now_s - self._at_s) * self.rate)
            self._at_s = now_s
        return self._level

    def ready_s(self, now_s: float, least: float) -> float:
        """Return when `least` will be there: `now_s` or earlier if it is; infinity if never."""
        lacking = least - self.level(now_s)
        if lacking <= _ROUNDING:
            return now_s
        return now_s + lacking / self.rate if self.rate > 0 else math.inf

    def take(self, amount: float, now_s: float) -> float:
        """Take so much, whether it is there or not; return what was there."""
        level = self.level(now_s)
        self._level = level - amount
        return level

    def give_back(self, amount: float, now_s: float) -> None:
        self._level = min(self.capacity - self._kept, self.level(now_s) + amount)

    def keep(self, amount: float, now_s: float) -> None:
        """Set so much aside. Nothing refills its place before it is `unkept`: what is kept long does not add up."""
        self.take(amount, now_s)
        self._kept += amount

    def unkeep(self, amount: float, now_s: float) -> None:
        """Put back what was set aside, as far as it was set aside here."""
        level = self.level(now_s)
        amount = min(amount, self._kept)
        self._kept -= amount
        self._level = level + amount

    def set_level(self, level: float, now_s: float) -> None:
        self._level, self._at_s = min(self.capacity - self._kept, level), now_s

    def set_rate(self, rate: float, now_s: float) -> None:
        """Refill at `rate` from now on."""
        self.level(now_s)
        self.rate = rate
