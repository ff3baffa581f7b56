"""From what was seen to a report. Pure, but for reading the program's own source."""

from __future__ import annotations

from collections import defaultdict

import msgspec

from aiocrew.seeing.causes import all_culprits
from aiocrew.seeing.causes.in_turn import SourceOf, source_of
from aiocrew.seeing.figures import curve_of, longest_of_runs
from aiocrew.seeing.report import Culprit, OverlapReport
from aiocrew.seeing.sightings import Sightings
from aiocrew.seeing.timeline import RunSpan, Timeline, timeline_of
from aiocrew.seeing.waiting import Waiting

__all__ = ["report_on"]

_LEAST_S = 0.05
_LEAST_SHARE = 0.05
"""What cost less than this, and less than this share of the wall time, is not told."""
_NOTHING = OverlapReport(runs=0, calls=0, wall_s=0.0, ideal_s=0.0, overlap=0.0, peak=0, in_flight=(), culprits=())


def report_on(sightings: Sightings, source: SourceOf = source_of) -> OverlapReport:
    """Return how well the runs that were seen overlapped, and what kept them from it."""
    timeline = timeline_of(sightings.events)
    runs = timeline.outermost()
    if not runs:
        return _NOTHING
    from_s, to_s = runs[0].from_s, max(run.to_s for run in runs)
    wall_s = to_s - from_s
    calls = [call for _, call in timeline.calls()]
    _set_stalls(timeline, sightings)
    in_flight, peak = curve_of(calls, from_s, to_s)
    ideal_s = min(wall_s, _ideal_s(runs, timeline, sightings))
    return OverlapReport(
        runs=len(timeline.runs),
        calls=len(calls),
        wall_s=wall_s,
        ideal_s=ideal_s,
        overlap=sum(call.in_flight_s for call in calls) / wall_s if wall_s > 0 else 0.0,
        peak=peak,
        in_flight=in_flight,
        culprits=_worth_telling(timeline, sightings, wall_s, source),
    )


def _worth_telling(timeline: Timeline, sightings: Sightings, wall_s: float, source: SourceOf) -> tuple[Culprit, ...]:
    if len(timeline.runs) < 2:
        return ()  # nothing could have gone on beside it
    least_s = max(_LEAST_S, _LEAST_SHARE * wall_s)
    worth = [
        msgspec.structs.replace(culprit, lost_s=min(culprit.lost_s, wall_s))
        for culprit in all_culprits(timeline, sightings, source)
        if culprit.lost_s >= least_s
    ]
    return tuple(sorted(worth, key=lambda culprit: (-culprit.lost_s, culprit.file, culprit.line)))


def _ideal_s(runs: list[RunSpan], timeline: Timeline, sightings: Sightings) -> float:
    """Return the longest chain of calls over runs; of those that different tasks awaited none comes after another."""
    by_awaiter: dict[int, list[RunSpan]] = defaultdict(list)
    for run in runs:
        start = sightings.starts.get(run.run_id)
        by_awaiter[0 if start is None else start.awaiter].append(run)
    return max(longest_of_runs(several, timeline) for several in by_awaiter.values())


def _set_stalls(timeline: Timeline, sightings: Sightings) -> None:
    """Tell each call how long it stood still because of others: its loop did, or what it waited for was held.

    Who of those in flight blocked a loop is not known for sure: each is given an equal share of that time as its own.
    """
    calls = timeline.leaves()
    for blocked in sightings.blocked:
        there = [call for _, call in calls if call.sent_s < blocked.to_s and call.to_s > blocked.from_s]
        for call in there:
            stood_s = min(call.to_s, blocked.to_s) - max(call.sent_s, blocked.from_s)
            call.stalled_s += max(0.0, stood_s - (blocked.to_s - blocked.from_s) / len(there))
    waits: dict[int, list[Waiting]] = defaultdict(list)
    for waiting in sightings.waiting:
        waits[waiting.task].append(waiting)
    for run, call in calls:
        for waiting in waits.get(sightings.workers.get((run.run_id, call.path), 0), ()):
            call.stalled_s += max(0.0, min(call.to_s, waiting.to_s) - max(call.sent_s, waiting.from_s))
