"""At most so many requests a minute, for all runs of one agent or crew."""

from __future__ import annotations

from aiocrew.types.terms import Passed

__all__ = ["MinutePace", "kept_to"]


class MinutePace:
    """A Pace: no minute holds more than `per_minute` requests, counted from when each is sent."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute

    async def pass_one(self, *, unbounded: bool) -> Passed:
        raise NotImplementedError


def kept_to(per_minute: int, pace: MinutePace | None) -> MinutePace:
    """Return `pace`, or a new one where there is none, with this number."""
    if pace is None:
        return MinutePace(per_minute)
    pace.per_minute = per_minute
    return pace
