"""On whose behalf a line was carried out: the tool, callback or guardrail that called it. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from aiocrew.seeing.blame import Blame, Caller
from aiocrew.seeing.figures import task_of
from aiocrew.seeing.report import Span
from aiocrew.seeing.timeline import CallSpan, RunSpan, Timeline

__all__ = ["callers_in_words"]

_MOST = 3
"""More than so many callers are counted."""
_MOST_BLOCKS = 100
"""Of many, the longest are looked at."""


def callers_in_words(blocks: Sequence[tuple[Blame, Span]], timeline: Timeline) -> str:
    """Return who called a line in `blocks`, such as "the tool 'Look up'"; "" where that is not known of all."""
    callers = [blame.caller for blame, _ in blocks]
    if not callers or None in callers:
        return ""
    calls = [(run, call) for run, call in timeline.leaves() if call.kind != "model"]
    looked_at = sorted(blocks, key=lambda block: block[1].from_s - block[1].to_s)[:_MOST_BLOCKS]
    names = list(dict.fromkeys(_in_words(blame.caller, span, calls) for blame, span in looked_at if blame.caller))
    if len(names) > _MOST:
        return f"{', '.join(names[:_MOST])} and {len(names) - _MOST} more"
    return " and ".join(names)


def _in_words(caller: Caller, span: Span, calls: Sequence[tuple[RunSpan, CallSpan]]) -> str:
    there = [(run, call) for run, call in calls if call.from_s < span.to_s and call.to_s > span.from_s]
    function = caller.frame.function
    if caller.kind == "tool":
        return _tool(function, {call.name for _, call in there if call.kind == "tool"})
    if caller.kind == "callback":
        named = [(run, call) for run, call in there if call.name.rpartition(".")[2] == function]
        return f"the callback {function}{_task(named)}"
    return f"the {caller.kind} {function}" if caller.kind == "guardrail" else f"the flow's method {function}"


def _tool(function: str, names: set[str]) -> str:
    """Return which tool's `function` it is, of those that were called then."""
    if len(names) > 1:
        names = {name for name in names if _as_identifier(name) == _as_identifier(function)}
    return f"the tool {names.pop()!r}" if len(names) == 1 else f"a tool's function {function}"


def _as_identifier(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _task(calls: Iterable[tuple[RunSpan, CallSpan]]) -> str:
    """Return of which task a callback is, where it is of one alone."""
    tasks = [run.tasks[path] for run, call in calls if (path := task_of(call.path, run.tasks)) is not None]
    labels, places = {task.label for task in tasks}, {task.written_at for task in tasks}
    if len(labels) == 1:
        return f" of the task {labels.pop()!r}"
    place = places.pop() if len(places) == 1 else ""
    return f" of the task in {os.path.basename(place)}" if place else ""
