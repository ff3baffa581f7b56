"""Callbacks and tasks that runs waited for without need."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from aiocrew.seeing import wording
from aiocrew.seeing.causes.spans import frame_at, longest
from aiocrew.seeing.dependence import distinctive_words
from aiocrew.seeing.figures import common, covered_s, merged
from aiocrew.seeing.report import Cause, Culprit, Span
from aiocrew.seeing.sightings import Sightings
from aiocrew.seeing.timeline import CallSpan, RunSpan, TaskSpan, Timeline
from aiocrew.types.messages import Assistant
from aiocrew.types.paths import Path

__all__ = ["needless_waits", "slow_callbacks"]

_MANY_WORDS: Final = 8
"""Fewer distinctive words in an output say nothing of whether it was used."""
_LONG_REPLY: Final = 12


def slow_callbacks(timeline: Timeline, sightings: Sightings) -> Iterable[Culprit]:
    """Blame callbacks that their runs had to wait for, with nothing else under way in them."""
    found: dict[tuple[str, str], dict[str, list[Span]]] = defaultdict(lambda: defaultdict(list))
    for run in timeline.runs.values():
        others = merged(
            [
                *((blocked.from_s, blocked.to_s) for blocked in sightings.blocked),  # who did that is told by itself
                *((call.from_s, call.to_s) for call in run.calls.values() if call.kind != "callback"),
            ]
        )
        for call in run.calls.values():
            if call.kind != "callback" or not call.ended or _has_inner(run, call, timeline):
                continue
            covered = covered_s(common([(call.from_s, call.to_s)], others))
            if covered < (call.to_s - call.from_s) / 2:
                span = Span(call.from_s, call.to_s, run.run_id, call.path)
                found[call.name, call.written_at][run.run_id].append(span)
    for (name, written_at), by_run in found.items():
        frame = frame_at(written_at, name.rpartition(".")[2])
        spans = [span for several in by_run.values() for span in several]
        yield Culprit(
            cause=Cause.BLOCKING_CALLBACK,
            file=frame.file,
            line=frame.line,
            function=frame.function,
            lost_s=max(covered_s((span.from_s, span.to_s) for span in several) for several in by_run.values()),
            times=len(spans),
            what=f"each run waited for its callback {name}",
            instead=wording.INSTEAD_OF_SLOW_CALLBACK,
            at=longest(spans),
        )


def _has_inner(run: RunSpan, call: CallSpan, timeline: Timeline) -> bool:
    return any(inner.root.startswith(f"{call.path}/") for inner in timeline.inside(run))


def needless_waits(timeline: Timeline) -> Iterable[Culprit]:
    """Blame tasks that waited for another one, in several runs, and used nothing of it in any."""
    found: dict[tuple[str, str, str], list[tuple[float, Span] | None]] = defaultdict(list)
    labels: dict[tuple[str, str, str], tuple[str, str]] = {}
    for run in timeline.runs.values():
        for task in run.tasks.values():
            for other in (run.tasks[path] for path in task.waits if path in run.tasks):
                if task.ok and other.ok:
                    key = task.written_at, _last(task.path), _last(other.path)
                    found[key].append(_needless_wait(run, task, other))
                    labels.setdefault(key, (task.label, other.label))
    for key, waits in found.items():
        written_at, (label, other) = key[0], labels[key]
        needless = [wait for wait in waits if wait is not None]
        if len(needless) < 2 or len(needless) < len(waits):  # one run that used it is enough to need it
            continue
        frame = frame_at(written_at)
        yield Culprit(
            cause=Cause.NEEDLESS_CONTEXT,
            file=frame.file,
            line=frame.line,
            function=frame.function,
            lost_s=max(lost_s for lost_s, _ in needless),
            times=len(needless),
            what=f"the task {label!r} waited for {other!r}, and used nothing of what that gave in {len(needless)} runs",
            instead=wording.instead_of_needless_context(label),
            at=longest([span for _, span in needless]),
        )


def _last(path: Path) -> str:
    return path.rpartition("/")[2]


def _needless_wait(run: RunSpan, task: TaskSpan, other: TaskSpan) -> tuple[float, Span] | None:
    """Return how much sooner `task` could have begun without `other`, and when; None where it may have used it."""
    if other.path in _needed(task, run):
        if other.path not in task.sees or not _is_unused(run, task, other):
            return None
    elif other.path in task.sees:
        return None
    earlier = [run.tasks[path].to_s for path in task.waits if path in run.tasks and path != other.path]
    could_s = max([run.from_s, *(end_s for end_s in earlier if end_s <= other.from_s + 1e-9)])
    lost_s = min(other.to_s, task.from_s) - max(could_s, other.from_s)
    # Two tasks side by side take as long as the longer one.
    lost_s = min(lost_s, task.to_s - task.from_s)
    return (lost_s, Span(other.from_s, other.to_s, run.run_id, task.path)) if lost_s > 0 else None


def _needed(task: TaskSpan, run: RunSpan) -> set[Path]:
    """Return the tasks whose outputs reached `task`, through others too."""
    needed: set[Path] = set()
    todo = list(task.sees)
    while todo:
        path = todo.pop()
        if path not in needed and path in run.tasks:
            needed.add(path)
            todo.extend(run.tasks[path].sees)
    return needed


def _is_unused(run: RunSpan, task: TaskSpan, other: TaskSpan) -> bool:
    """Return whether nothing that `task` said has a word that only the output of `other` can have given it."""
    calls = [call for path, call in run.calls.items() if path.startswith(f"{task.path}/") and call.kind == "model"]
    said = "\n".join((task.output, *(call.said for call in calls)))
    given = "\n".join(
        message.text
        for call in calls
        if call.request is not None
        for message in call.request.messages
        if not isinstance(message, Assistant)
    )
    distinctive = distinctive_words(other.output, given.replace(other.output, ""))
    if len(distinctive) < _MANY_WORDS or len(said.split()) < _LONG_REPLY:
        return False
    return not distinctive & distinctive_words(said, "")
