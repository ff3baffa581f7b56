"""What an observation came to: how much went on at once, how much could have, and what stood in the way."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from aiocrew.types.paths import Path

__all__ = ["Cause", "Culprit", "OverlapReport", "Span"]


class Cause(StrEnum):
    """Why runs that could have gone on side by side did not."""

    BLOCKED_LOOP = "blocked-loop"
    """Synchronous code ran on the event loop."""
    BLOCKING_CALLBACK = "blocking-callback"
    """The same, in a callback of the user's; or a run had to wait for a slow one."""
    KICKOFF_IN_LOOP = "kickoff-in-loop"
    """kickoff(), or another synchronous door, was called inside a running event loop."""
    AWAITED_IN_TURN = "awaited-in-turn"
    """Independent runs were awaited one after another."""
    FULL_THREAD_POOL = "full-thread-pool"
    """Work waited for a thread of an executor."""
    HELD_LOCK = "held-lock"
    """A lock or semaphore was held across calls."""
    LIMIT = "limit"
    """Calls waited for a limit: a provider's, max_rpm, max_concurrency."""
    NEEDLESS_CONTEXT = "needless-context"
    """A task waited for another one and used nothing of it."""
    SLOW_READER = "slow-reader"
    """Who reads outcomes or events was slower than the runs."""
    CONNECTION_POOL = "connection-pool"
    """Requests waited for a connection of an HTTP client's or a database driver's pool."""


class Span(msgspec.Struct, frozen=True, gc=False):
    """A stretch of time, in the seconds of the events; `run_id` is "" where it is no single run's."""

    from_s: float
    to_s: float
    run_id: str = ""
    path: Path | None = None


class Culprit(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that kept runs from going on side by side."""

    cause: Cause
    file: str
    """"" where no line of the program is to blame."""
    line: int
    function: str
    lost_s: float
    """About how much sooner all would have been done without it, in seconds."""
    times: int
    what: str
    """What happened, in a sentence."""
    instead: str
    """What to write instead."""
    at: tuple[Span, ...] = ()
    """Where in time; of many, the longest."""


class OverlapReport(msgspec.Struct, frozen=True, kw_only=True):
    """How well the runs of an observation overlapped."""

    runs: int
    calls: int
    """Model and tool calls."""
    wall_s: float
    """From the first run's start to the last one's end."""
    ideal_s: float
    """The longest chain of calls that depended on one another: no schedule could have been faster."""
    overlap: float
    """The time that calls were in flight, summed, over the wall time."""
    peak: int
    """The most calls that were in flight at once."""
    in_flight: tuple[tuple[float, int], ...]
    """From when on how many were in flight, evenly sampled."""
    culprits: tuple[Culprit, ...]
    """By the time that they cost, the worst first."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return msgspec.to_builtins(self)

    def __str__(self) -> str:
        """Return it in words, as plain text of several lines."""
        from aiocrew.seeing.report_text import in_words  # who only reads the figures does not load it

        return in_words(self)
