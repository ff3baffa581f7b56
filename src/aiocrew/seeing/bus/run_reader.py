"""The reader of all runs that tells their events in CrewAI's words, as far as somebody listens."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeAlias

from aiocrew.seeing.bus.base_event import BaseEvent
from aiocrew.seeing.bus.memory import RunMemory
from aiocrew.seeing.bus.wording import WORDINGS, as_moment
from aiocrew.types import events
from aiocrew.types.events import Event

__all__ = ["RunReader"]

Tell: TypeAlias = Callable[[Any, BaseEvent, str], None]
"""Is given the source, the event, and the id of the outermost run."""

_MOST_RUNS = 20_000
"""Beyond that many, the one that began first is forgotten: a loop that is cut off never tells the ends of its runs."""


class RunReader:
    """An EventSink. An event for whose class nobody listens costs a look into a table, and no object."""

    def __init__(self, is_heard: Callable[[type[BaseEvent]], bool], tell: Tell) -> None:
        self._is_heard = is_heard
        self._tell = tell
        self._runs: dict[str, RunMemory] = {}
        self._lock = threading.Lock()
        """Runs of several loops begin and end in several threads."""

    @property
    def runs(self) -> int:
        """How many runs it remembers: those under way."""
        return len(self._runs)

    def top_of(self, run_id: str) -> str:
        """Return the id of the outermost run around a run."""
        run = self._runs.get(run_id)
        return run_id if run is None else run.top

    def forget(self) -> None:
        """Remember no run: nobody listens any more, and their ends will not be heard."""
        with self._lock:
            self._runs.clear()

    def emit(self, event: Event) -> None:
        wording = WORDINGS.get(type(event))
        if wording is None:
            return
        run, path, scope = self._run_of(event), event.path, wording.scope
        note = _NOTES.get(type(event))
        if note is not None:
            note(run, event)
        began = run.close(path) if scope == "closes" else None
        number = run.open(path) if scope == "opens" else run.count()
        if self._is_heard(wording.cls):
            source, fields = wording.fields(run, event)
            where = {"timestamp": as_moment(event.wall_s), "run_id": event.run_id, "path": path}
            self._tell(source, wording.cls(**where, **run.place(path, number, began), **fields), run.top)
        if scope == "closes":
            run.begun.pop(path, None)
            run.attempts.pop(path, None)
            if isinstance(event, events.ENDS_OF_RUNS):
                self._end(event.run_id)

    def _end(self, run_id: str) -> None:
        with self._lock:
            self._runs.pop(run_id, None)

    def _run_of(self, event: Event) -> RunMemory:
        run = self._runs.get(event.run_id)
        if run is None:
            outer = self._runs.get(event.outer) if isinstance(event, events.BEGINNINGS_OF_RUNS) else None
            run = RunMemory(event.run_id, outer)
            with self._lock:
                self._runs[event.run_id] = run
                if len(self._runs) > _MOST_RUNS:
                    del self._runs[next(iter(self._runs))]
        return run


def _note_begun(run: RunMemory, event: events.LLMCallStarted | events.ToolUsageStarted) -> None:
    run.begun[event.path] = event


def _note_attempt(run: RunMemory, event: events.LLMStreamChunk) -> None:
    run.attempts[event.path] = event.attempt


def _note_usage(run: RunMemory, event: events.LLMCallCompleted) -> None:
    run.usages.append(event.usage)


def _note_task(run: RunMemory, event: events.TaskStarted | events.TaskFailed) -> None:
    run.tasks[event.path] = (event.task, event.agent)


def _note_output(run: RunMemory, event: events.TaskCompleted | events.TaskSkipped) -> None:
    run.tasks[event.path] = (event.task, event.agent)
    run.outputs[event.path] = event.output if isinstance(event, events.TaskCompleted) else ""


def _note_guardrail(run: RunMemory, event: events.LLMGuardrailStarted) -> None:
    task = run.task_of(event.path)
    run.guarded[("" if task is None else task.id, event.guardrail)] += 1


_NOTES: dict[type, Callable[[RunMemory, Any], None]] = {
    events.LLMCallStarted: _note_begun,
    events.ToolUsageStarted: _note_begun,
    events.LLMStreamChunk: _note_attempt,
    events.LLMCallCompleted: _note_usage,
    events.TaskStarted: _note_task,
    events.TaskFailed: _note_task,
    events.TaskCompleted: _note_output,
    events.TaskSkipped: _note_output,
    events.LLMGuardrailStarted: _note_guardrail,
}
"""What is remembered of an event because its own wording, or a later one's, asks for it."""
