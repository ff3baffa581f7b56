"""What is left of a provider's limit, by its own count. Pure."""

from __future__ import annotations

from aiocrew.admission.bucket import Bucket
from aiocrew.admission.headers import Quota

__all__ = ["ToldQuota"]

_MINUTE_S = 60.0
_ENOUGH = 8.0
"""What is left is told in whole calls: of fewer missing ones a rate would be mostly rounding."""


class ToldQuota:
    """A bucket that is set right by every answer that tells of it.

    Limits refill continuously at most providers: what is missing comes back by `reset`, so that is the rate.
    """

    __slots__ = ("bucket",)

    def __init__(self) -> None:
        self.bucket: Bucket | None = None

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
        rate = limit / (quota.window_s or _MINUTE_S) if bucket is None else bucket.rate
        missing = limit - remaining
        if quota.reset_s and missing >= min(_ENOUGH, limit / 2):
            rate = missing / quota.reset_s
        level = min(limit, remaining + rate * age_s) - used_since
        if bucket is None:
            self.bucket = Bucket(rate, limit, now_s, level)
            return
        bucket.capacity = limit
        bucket.set_rate(rate, now_s)
        bucket.set_level(level, now_s)

    def ready_s(self, now_s: float, least: float) -> float:
        return now_s if self.bucket is None else self.bucket.ready_s(now_s, min(least, self.bucket.capacity))

    def take(self, amount: float, now_s: float) -> None:
        if self.bucket is not None:
            self.bucket.take(amount, now_s)

    def give_back(self, amount: float, now_s: float) -> None:
        if self.bucket is not None:
            self.bucket.give_back(amount, now_s)
