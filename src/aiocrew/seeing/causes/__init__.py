"""What kept runs from going on side by side, cause by cause. Pure."""

from __future__ import annotations

from aiocrew.seeing.causes.in_turn import SourceOf, awaited_in_turn
from aiocrew.seeing.causes.limiting import held_batches, limits
from aiocrew.seeing.causes.loops import blocked_loops, doors_in_loops
from aiocrew.seeing.causes.resources import full_executors, held_locks_and_pools
from aiocrew.seeing.causes.tasks import needless_waits, slow_callbacks
from aiocrew.seeing.report import Culprit
from aiocrew.seeing.sightings import Sightings
from aiocrew.seeing.timeline import Timeline

__all__ = ["all_culprits"]


def all_culprits(timeline: Timeline, sightings: Sightings, source: SourceOf) -> list[Culprit]:
    """Return what is to blame, however little it cost, in no order."""
    return [
        *awaited_in_turn(timeline, sightings, source),
        *blocked_loops(timeline, sightings),
        *doors_in_loops(timeline),
        *held_locks_and_pools(timeline, sightings),
        *full_executors(timeline, sightings),
        *limits(timeline, sightings),
        *held_batches(sightings),
        *slow_callbacks(timeline, sightings),
        *needless_waits(timeline),
    ]
