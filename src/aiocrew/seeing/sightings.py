"""All that an observation saw, as it was seen: what a report is made from."""

from __future__ import annotations

import msgspec

from aiocrew.aio.watch import Blocked
from aiocrew.seeing.blame import Site
from aiocrew.seeing.executors import Queued
from aiocrew.seeing.waiting import Waiting
from aiocrew.types.events import BatchHeld, Event
from aiocrew.types.paths import Path

__all__ = ["Held", "Sightings", "Start"]


class Start(msgspec.Struct, frozen=True, gc=False):
    """Where a run was started, and by whom."""

    site: Site
    """Who awaits it; where a task was made for it, the line that made that."""
    awaiter: int
    """Equal for runs that one task awaited, or one thread waited for, or that one task made tasks for."""
    thread: int


class Held(msgspec.Struct, frozen=True, gc=False):
    """A batch that was held, and the lines of the user's that take its outcomes."""

    event: BatchHeld
    site: Site


class Sightings(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen. Times are those of the loops, which on real time are the system's monotonic clock."""

    events: list[Event]
    starts: dict[str, Start] = {}
    """By run_id."""
    workers: dict[tuple[str, Path], int] = {}
    """By run_id and path of tool calls: the task that carries them out, numbered as in `Waiting`."""
    held: list[Held] = []
    blocked: list[Blocked] = []
    waiting: list[Waiting] = []
    queued: list[Queued] = []
