"""Limits that calls and inputs waited for, and readers that were too slow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from aiocrew.aio.watch import Frame
from aiocrew.seeing import wording
from aiocrew.seeing.causes.spans import NOWHERE, frame_at, longest
from aiocrew.seeing.figures import covered_s
from aiocrew.seeing.report import Cause, Culprit, Span
from aiocrew.seeing.sightings import Sightings
from aiocrew.seeing.timeline import RunSpan, Timeline

__all__ = ["held_batches", "limits"]


def limits(timeline: Timeline, sightings: Sightings) -> Iterable[Culprit]:
    """Name the limits that calls waited for."""
    found: dict[str, list[tuple[RunSpan, Span]]] = defaultdict(list)
    for run, call in timeline.calls():
        for wait in call.waits:
            if wait.is_ramp:
                continue
            found[wait.limit].append((run, Span(wait.from_s, wait.to_s, run.run_id, call.path)))
    for limit, waits in found.items():
        frame = _site_of_runs((run for run, _ in waits), sightings)
        yield Culprit(
            cause=Cause.LIMIT,
            file=frame.file,
            line=frame.line,
            function=frame.function,
            lost_s=covered_s((span.from_s, span.to_s) for _, span in waits),
            times=len(waits),
            what=f"calls waited for {limit}",
            instead=wording.instead_of_limit(limit),
            at=longest([span for _, span in waits]),
        )


def _site_of_runs(runs: Iterable[RunSpan], sightings: Sightings) -> Frame:
    """Return the line that started most of `runs`; where tasks of their own did, that of their first task."""
    frames: list[Frame] = []
    for run in runs:
        start = sightings.starts.get(run.run_id)
        if start is not None and start.site.lines:
            frames.append(start.site.lines[0])
        elif run.tasks:
            frames.append(frame_at(next(iter(run.tasks.values())).written_at))
    return max(set(frames), key=frames.count) if frames else NOWHERE


def held_batches(sightings: Sightings) -> Iterable[Culprit]:
    """Blame who takes outcomes too slowly, and name max_concurrency where it held inputs back."""
    found: dict[tuple[str, Frame, int], list[Span]] = defaultdict(list)
    for held in sightings.held:
        event = held.event
        frame = held.site.lines[0] if held.site.lines else NOWHERE
        found[event.by, frame, event.most].append(Span(event.at_s - event.held_s, event.at_s))
    for (by, frame, most), spans in found.items():
        is_reader = by == "reader"
        if not is_reader and _sum_s(found.get(("reader", frame, most), [])) >= _sum_s(spans):
            continue  # while its reader is slow, nobody knows what the batch would have done
        yield Culprit(
            cause=Cause.SLOW_READER if is_reader else Cause.LIMIT,
            file=frame.file,
            line=frame.line,
            function=frame.function,
            lost_s=covered_s((span.from_s, span.to_s) for span in spans),
            times=len(spans),
            what=wording.slow_reader(most) if is_reader else f"inputs waited for max_concurrency={most} of the batch",
            instead=wording.INSTEAD_OF_SLOW_READER if is_reader else wording.instead_of_limit("max_concurrency"),
            at=longest(spans),
        )


def _sum_s(spans: Iterable[Span]) -> float:
    return covered_s((span.from_s, span.to_s) for span in spans)
