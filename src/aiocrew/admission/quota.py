"""What is left of a provider's limit, by its own count. Pure."""

from __future__ import annotations

from aiocrew.admission.bucket import Bucket
from aiocrew.admission.headers import Quota

__all__ = ["ToldQuota"]

_MINUTE_S = 60.0
_ENOUGH = 8.0
"""What is left is told in whole calls: of fewer missing ones a rate would be mostly rounding."""
_LONGEST_HOLD_S = 120.0
_LEAST_HOLD_S = 0.01
_ROUNDING = 1e-6


class ToldQuota:
    """A bucket that is set right by every answer that tells of it.

    Limits refill continuously at most providers: what is missing comes back by `reset`, so that is the rate.

    It holds calls back for two minutes at most; then one goes and asks. Where that is taken although nothing was left,
    the provider's numbers mean something else, or are wrong: `doubt` halves the time, and a rejection restores it.
    """

    __slots__ = ("_hold_s", "_since_s", "_window_s", "bucket")

    def __init__(self) -> None:
        self.bucket: Bucket | None = None
        self._window_s: float | None = None
        self._hold_s = _LONGEST_HOLD_S
        self._since_s = 0.0
        """When the last call went."""

    @property
    def limit(self) -> float | None:
        return None if self.bucket is None else self.bucket.capacity

    def level(self, now_s: float) -> float | None:
        return None if self.bucket is None else self.bucket.level(now_s)

    def correct(self, quota: Quota, used_since: float, age_s: float, now_s: float) -> None:
        """Take over what an answer tells. Since its request was sent `age_s` have passed, and `used_since` was used."""
        bucket = self.bucket
        known = 0.0 if bucket is None else bucket.capacity
        limit = quota.limit or max(known, quota.remaining or 0.0)  # some say only what is left
        if quota.remaining is None or limit <= 0:
            return
        remaining = min(quota.remaining, limit)
        # The tightest of several windows is told: when it is another one, so is its rate.
        known_rate = bucket is not None and quota.window_s == self._window_s
        rate = bucket.rate if bucket is not None and known_rate else limit / (quota.window_s or _MINUTE_S)
        self._window_s = quota.window_s
        missing = limit - remaining
        if quota.reset_s and missing >= min(_ENOUGH, limit / 2):
            rate = missing / quota.reset_s
        # What came back and what was used meanwhile took turns that nobody knows: more than `most` is not there, and
        # less than `least` only if all came back first and was lost, for there is no room above the limit. An answer
        # that took minutes says little between the two, where our own count stands.
        most = remaining + rate * age_s - used_since
        least = min(most, limit - used_since)
        if bucket is None:
            self._since_s = now_s
            self.bucket = Bucket(rate, limit, now_s, min(limit, most))
            return
        level = most if least == most else min(max(bucket.level(now_s), least), most, limit)
        bucket.capacity = limit
        bucket.set_rate(rate, now_s)
        bucket.set_level(level, now_s)

    def ready_s(self, now_s: float, least: float) -> float:
        """Return when a call that needs `least` may go; `now_s` or earlier if it may now."""
        bucket = self.bucket
        if bucket is None:
            return now_s
        if bucket.level(now_s) >= least:
            return now_s  # as nearly always
        ready_s = bucket.ready_s(now_s, min(least, bucket.capacity))
        return min(ready_s, max(now_s, self._since_s + self._hold_s))

    def doubt(self) -> None:
        """A call that went although nothing was left has been taken."""
        self._hold_s = self._hold_s / 2 if self._hold_s > _LEAST_HOLD_S else 0.0

    def believe(self) -> None:
        """A call has been rejected: there are limits, and the numbers may be theirs."""
        self._hold_s = _LONGEST_HOLD_S

    def take(self, amount: float, least: float, now_s: float) -> bool:
        """Count a call that goes. False when there was not even the `least` that one needs."""
        bucket = self.bucket
        if bucket is None:
            return True
        self._since_s = now_s
        least = least if least < bucket.capacity else bucket.capacity  # min() takes longer, and this is on every way
        return bucket.take(amount, now_s) >= least - _ROUNDING

    def give_back(self, amount: float, now_s: float) -> None:
        if self.bucket is not None:
            self.bucket.give_back(amount, now_s)
