"""Locks, connection pools and executors that work had to wait for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import msgspec

from aiocrew.aio.watch import Frame
from aiocrew.seeing import wording
from aiocrew.seeing.causes.spans import longest
from aiocrew.seeing.figures import common, covered_s, merged
from aiocrew.seeing.report import Cause, Culprit, Span
from aiocrew.seeing.sightings import Sightings
from aiocrew.seeing.timeline import Timeline

__all__ = ["full_executors", "held_locks_and_pools"]

_CAUSES: Final = {"lock": Cause.HELD_LOCK, "pool": Cause.CONNECTION_POOL, "threads": Cause.FULL_THREAD_POOL}


class _Place(msgspec.Struct, frozen=True, gc=False):
    """What culprits are put together by."""

    cause: Cause
    file: str
    function: str
    what: str = ""


def held_locks_and_pools(timeline: Timeline, sightings: Sightings) -> Iterable[Culprit]:
    """Blame locks, connection pools and the like that tasks waited for while calls were under way."""
    busy = merged((call.sent_s, call.to_s) for _, call in timeline.calls())
    found: dict[_Place, list[Span]] = defaultdict(list)
    frames: dict[_Place, Frame] = {}
    times: dict[_Place, int] = defaultdict(int)
    for waiting in sightings.waiting:
        place = _Place(
            _CAUSES[waiting.kind], waiting.frame.file, f"{waiting.frame.function}:{waiting.frame.line}", waiting.what
        )
        spans = [Span(*both) for both in common([(waiting.from_s, waiting.to_s)], busy)]
        if spans:
            found[place] += spans
            frames[place] = waiting.frame
            times[place] += 1
    for place, spans in found.items():
        frame = frames[place]
        yield Culprit(
            cause=place.cause,
            file=frame.file,
            line=frame.line,
            function=frame.function,
            lost_s=covered_s((span.from_s, span.to_s) for span in spans),
            times=times[place],
            what=wording.waited(place.cause, place.what),
            instead=wording.instead_of_waiting(place.cause, place.what),
            at=longest(spans),
        )


def full_executors(timeline: Timeline, sightings: Sightings) -> Iterable[Culprit]:
    """Blame executors in which work of runs, or runs themselves, waited for a thread."""
    started: dict[int, list[float]] = defaultdict(list)
    for run_id, start in sightings.starts.items():
        if run_id in timeline.runs:
            started[start.thread].append(timeline.runs[run_id].from_s)
    found: dict[tuple[Frame, str, int], list[Span]] = defaultdict(list)
    for queued in sightings.queued:
        carries_runs = any(queued.to_s <= from_s <= queued.ended_s for from_s in started[queued.thread])
        frame = queued.site.lines[0] if queued.site.lines else queued.origin
        if frame is not None and (queued.in_run or carries_runs):
            found[frame, queued.executor, queued.threads].append(Span(queued.from_s, queued.to_s))
    for (frame, executor, number), spans in found.items():
        yield Culprit(
            cause=Cause.FULL_THREAD_POOL,
            file=frame.file,
            line=frame.line,
            function=frame.function,
            lost_s=covered_s((span.from_s, span.to_s) for span in spans),
            times=len(spans),
            what=wording.full_executor(executor, number),
            instead=wording.INSTEAD_OF_EXECUTOR,
            at=longest(spans),
        )
