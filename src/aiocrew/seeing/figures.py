"""How much went on at once, and how much could have. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from aiocrew.seeing.dependence import RunTexts, uses
from aiocrew.seeing.timeline import CallSpan, RunSpan, Timeline
from aiocrew.types.paths import Path

__all__ = [
    "Stretch",
    "common",
    "covered_s",
    "curve_of",
    "ideal_of_run",
    "longest_chain",
    "longest_of_runs",
    "merged",
    "task_of",
]

_POINTS = 200
_MOST_BEFORE = 20
"""With so many runs before it a run is compared: a chain hands on what came shortly before."""


class Stretch(msgspec.Struct, frozen=True, gc=False):
    """Some time, and how much it counts."""

    from_s: float
    to_s: float
    weight: float


def merged(stretches: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return `stretches` (from, to) as few that do not overlap, in order."""
    together: list[tuple[float, float]] = []
    for from_s, to_s in sorted(stretches):
        if together and from_s <= together[-1][1]:
            together[-1] = together[-1][0], max(together[-1][1], to_s)
        else:
            together.append((from_s, to_s))
    return together


def covered_s(stretches: Iterable[tuple[float, float]]) -> float:
    """Return how many seconds lie in at least one of `stretches`."""
    return sum(to_s - from_s for from_s, to_s in merged(stretches))


def common(some: Iterable[tuple[float, float]], others: Sequence[tuple[float, float]]) -> Iterable[tuple[float, float]]:
    """Give the time that stretches of `some` have in common with those of `others`."""
    for from_s, to_s in some:
        for other_from_s, other_to_s in others:
            if other_from_s < to_s and from_s < other_to_s:
                yield max(from_s, other_from_s), min(to_s, other_to_s)


def longest_chain(stretches: Sequence[Stretch]) -> float:
    """Return the greatest sum of weights of stretches that went one after another.

    Weighted interval scheduling: Kleinberg and Tardos, Algorithm Design, 6.1. Ends that are equal to a beginning but
    for rounding count as before it.
    """
    ordered = sorted(stretches, key=lambda stretch: stretch.to_s)
    ends = [stretch.to_s for stretch in ordered]
    best = [0.0]
    for place, stretch in enumerate(ordered):
        before = bisect_right(ends, stretch.from_s + 1e-9, hi=place)
        best.append(max(best[-1], best[before] + stretch.weight))
    return best[-1]


def curve_of(calls: Iterable[CallSpan], from_s: float, to_s: float) -> tuple[tuple[tuple[float, int], ...], int]:
    """Return (when, how many were in flight) at evenly spaced moments, and the most there ever were."""
    steps: list[tuple[float, int]] = []
    for call in calls:
        if call.to_s > call.sent_s:
            steps += ((call.sent_s, 1), (call.to_s, -1))
    steps.sort()
    peak = under_way = 0
    levels: list[tuple[float, int]] = []
    for at_s, change in steps:
        under_way += change
        peak = max(peak, under_way)
        levels.append((at_s, under_way))
    moments = [level[0] for level in levels]
    points: list[tuple[float, int]] = []
    for number in range(_POINTS + 1):
        at_s = from_s + (to_s - from_s) * number / _POINTS
        place = bisect_right(moments, at_s)
        points.append((at_s, levels[place - 1][1] if place else 0))
    return tuple(points), peak


def ideal_of_run(run: RunSpan, timeline: Timeline) -> float:
    """Return the longest chain of calls of a run that depended on one another, in seconds.

    Within a task, what went one after another is taken as dependent. A task depends on those whose outputs it saw.
    """
    leaves = _leaves(run, timeline)
    if not run.tasks:
        return longest_chain([stretch for _, stretch in leaves])
    by_task: dict[Path, list[Stretch]] = {path: [] for path in run.tasks}
    beside: list[Stretch] = []
    for path, stretch in leaves:
        task = task_of(path, run.tasks)
        (beside if task is None else by_task[task]).append(stretch)
    done: dict[Path, float] = {}
    for path, task in run.tasks.items():  # in the order of their starts: what one saw had ended before
        seen = max((done.get(other, 0.0) for other in task.sees), default=0.0)
        done[path] = seen + longest_chain(by_task[path])
    return max(done.values()) + longest_chain(beside)


def _leaves(run: RunSpan, timeline: Timeline) -> list[tuple[Path, Stretch]]:
    """Return the calls that are not made of others, and the runs inside, each with its own longest chain."""
    leaves = [
        (call.path, Stretch(call.sent_s, call.to_s, max(0.0, call.in_flight_s - call.stalled_s)))
        for call in run.calls.values()
        if not call.is_nested and call.ended
    ]
    groups: dict[Path, list[RunSpan]] = defaultdict(list)
    for inner in timeline.inside(run):
        groups[Path(inner.root.rpartition("/")[0])].append(inner)
    for at, runs in groups.items():
        from_s, to_s = min(one.from_s for one in runs), max(one.to_s for one in runs)
        leaves.append((at, Stretch(from_s, to_s, longest_of_runs(runs, timeline))))
    return leaves


def longest_of_runs(runs: Sequence[RunSpan], timeline: Timeline) -> float:
    """Return the longest chain of calls over `runs`: one that uses what another gave comes after that."""
    ordered = sorted(runs, key=lambda run: run.from_s)
    texts = [RunTexts(run) for run in ordered]
    chains: list[float] = []
    for place, run in enumerate(ordered):
        needed = [
            chains[before]
            for before in range(max(0, place - _MOST_BEFORE), place)
            if ordered[before].to_s <= run.from_s + 1e-9 and uses(texts[place], texts[before])
        ]
        chains.append(max(needed, default=0.0) + ideal_of_run(run, timeline))
    return max(chains, default=0.0)


def task_of(path: Path, tasks: Mapping[Path, object]) -> Path | None:
    """Return to which of `tasks` a path belongs."""
    parts = path.split("/")
    for length in range(len(parts), 0, -1):
        candidate = Path("/".join(parts[:length]))
        if candidate in tasks:
            return candidate
    return None
