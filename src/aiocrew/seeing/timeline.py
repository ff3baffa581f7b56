"""The runs of an observation and what they did when, put together from their events. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from aiocrew.types import events as kinds
from aiocrew.types.events import Event
from aiocrew.types.messages import Request
from aiocrew.types.paths import Path

__all__ = ["CallSpan", "RunSpan", "TaskSpan", "Timeline", "Wait", "timeline_of"]


class Wait(msgspec.Struct, frozen=True, gc=False):
    """A stretch in which a call waited for a limit."""

    limit: str
    from_s: float
    to_s: float
    is_ramp: bool = False
    """It is no limit: how many calls may go at once was being found out."""


class CallSpan(msgspec.Struct):
    """A model call, a tool call or a callback."""

    kind: Literal["model", "tool", "callback"]
    path: Path
    name: str
    from_s: float
    """When it was asked for."""
    sent_s: float
    """When its last attempt went out; where that was not told, when it was asked for."""
    to_s: float = -1.0
    waits: list[Wait] = []
    request: Request | None = None
    said: str = ""
    """What the model replied, what the tool was given."""
    written_at: str = ""
    stalled_s: float = 0.0
    """How much of its time it could not go on, because of others."""
    most_at_once: int | None = None
    """How many calls of its model may be under way at once; None where nobody said."""
    is_nested: bool = False
    """Its work is a run, or calls, of their own."""
    ended: bool = False

    @property
    def in_flight_s(self) -> float:
        return max(0.0, self.to_s - self.sent_s)


class TaskSpan(msgspec.Struct):
    """One task of a run."""

    path: Path
    label: str
    from_s: float
    waits: tuple[Path, ...]
    sees: tuple[Path, ...]
    written_at: str
    to_s: float = -1.0
    output: str = ""
    ok: bool = False


class RunSpan(msgspec.Struct):
    """One run."""

    run_id: str
    name: str
    root: Path
    outer: str
    inputs: Any
    from_s: float
    to_s: float = -1.0
    output: str = ""
    ok: bool = False
    ended: bool = False
    tasks: dict[Path, TaskSpan] = {}
    calls: dict[Path, CallSpan] = {}
    inner: list[str] = []
    """The run_ids of those that were started inside this one."""


class Timeline(msgspec.Struct, frozen=True):
    """All of them, and what belongs to no single run."""

    runs: dict[str, RunSpan]
    held: tuple[kinds.BatchHeld, ...]
    doors: tuple[kinds.LoopBlocked, ...]

    def outermost(self) -> list[RunSpan]:
        """Return the runs that were not started inside another one, by their start."""
        return sorted((run for run in self.runs.values() if not run.outer), key=lambda run: run.from_s)

    def inside(self, run: RunSpan) -> list[RunSpan]:
        """Return the runs that were started inside `run`."""
        return [self.runs[inner] for inner in run.inner]

    def leaves(self) -> list[tuple[RunSpan, CallSpan]]:
        """Return the calls and callbacks that are not made of others."""
        return [(run, call) for run in self.runs.values() for call in run.calls.values() if not call.is_nested]

    def calls(self) -> list[tuple[RunSpan, CallSpan]]:
        """Return the model and tool calls that are not made of others."""
        return [(run, call) for run, call in self.leaves() if call.kind != "callback"]


def timeline_of(events: Iterable[Event]) -> Timeline:
    """Return what `events` tell, in any number of runs. What has not ended ends with the last event."""
    reader = _Reader()
    for event in events:
        reader.read(event)
    return reader.finish()


class _Reader:
    def __init__(self) -> None:
        self._runs: dict[str, RunSpan] = {}
        self._held: list[kinds.BatchHeld] = []
        self._doors: list[kinds.LoopBlocked] = []
        self._waits: dict[tuple[str, Path], Wait] = {}
        self._latest_s = 0.0

    def read(self, event: Event) -> None:
        self._latest_s = max(self._latest_s, event.at_s)
        match event:
            case kinds.BatchHeld():
                self._held.append(event)
            case kinds.LoopBlocked():
                self._doors.append(event)
            case kinds.CrewKickoffStarted(crew=name, outer=outer) | kinds.FlowStarted(flow=name, outer=outer):
                self._begin(event, name, outer, event.inputs)
            case kinds.LiteAgentExecutionStarted(agent=name, outer=outer):
                self._begin(event, name, outer, None)
            case _:
                run = self._runs.get(event.run_id)
                if run is not None:
                    self._in_run(run, event)

    def _begin(self, event: Event, name: str, outer: str, inputs: Any) -> None:
        run = RunSpan(event.run_id, name, event.path, outer if outer in self._runs else "", inputs, event.at_s)
        self._runs[event.run_id] = run
        above = self._runs.get(run.outer)
        if above is not None:
            above.inner.append(run.run_id)
            call = above.calls.get(Path(event.path.rpartition("/")[0]))
            if call is not None:
                call.is_nested = True

    def _in_run(self, run: RunSpan, event: Event) -> None:
        match event:
            case kinds.CrewKickoffCompleted() | kinds.FlowFinished() | kinds.LiteAgentExecutionCompleted():
                run.to_s, run.output, run.ok, run.ended = event.at_s, event.output, True, True
            case kinds.CrewKickoffFailed() | kinds.FlowFailed() | kinds.LiteAgentExecutionError():
                run.to_s, run.ended = event.at_s, True
            case kinds.TaskStarted():
                run.tasks[event.path] = TaskSpan(
                    event.path, event.task, event.at_s, event.waits, event.sees, event.written_at
                )
            case kinds.TaskCompleted() | kinds.TaskFailed() | kinds.TaskSkipped():
                task = run.tasks.get(event.path)
                if task is not None:
                    task.to_s, task.ok = event.at_s, isinstance(event, kinds.TaskCompleted)
                    task.output = event.output if isinstance(event, kinds.TaskCompleted) else ""
            case kinds.DelegationStarted():
                call = run.calls.get(event.path)
                if call is not None:
                    call.is_nested = True
            case _:
                self._in_call(run, event)

    def _in_call(self, run: RunSpan, event: Event) -> None:
        path, at_s = event.path, event.at_s
        match event:
            case kinds.LLMCallStarted(model=model, request=request, settings=settings):
                most = None if settings is None else settings.max_in_flight
                run.calls[path] = CallSpan("model", path, model, at_s, at_s, request=request, most_at_once=most)
            case kinds.ToolUsageStarted(tool=tool, arguments=arguments):
                run.calls[path] = CallSpan("tool", path, tool, at_s, at_s, said=arguments)
            case kinds.CallbackStarted(callback=callback, written_at=written_at):
                run.calls[path] = CallSpan("callback", path, callback, at_s, at_s, written_at=written_at)
            case kinds.LLMCallQueued(limit=limit, is_ramp=is_ramp):
                self._end_wait(run, path, at_s)
                self._waits[run.run_id, path] = Wait(limit, at_s, at_s, is_ramp)
            case kinds.LLMCallSent() if (call := run.calls.get(path)) is not None:
                self._end_wait(run, path, at_s)
                call.sent_s = at_s
            case (
                kinds.LLMCallCompleted()
                | kinds.LLMCallFailed()
                | kinds.ToolUsageFinished()
                | kinds.ToolUsageError()
                | kinds.CallbackCompleted()
                | kinds.CallbackFailed()
            ) if (call := run.calls.get(path)) is not None:
                self._end_wait(run, path, at_s)
                call.to_s, call.ended = at_s, True
                if isinstance(event, kinds.LLMCallCompleted):
                    call.said = "\n".join((event.text, *(asked.arguments for asked in event.calls)))
            case _:
                pass

    def _end_wait(self, run: RunSpan, path: Path, at_s: float) -> None:
        waited = self._waits.pop((run.run_id, path), None)
        call = run.calls.get(path)
        if waited is not None and call is not None:
            call.waits = [*call.waits, msgspec.structs.replace(waited, to_s=at_s)]

    def finish(self) -> Timeline:
        for run in self._runs.values():
            for path in list(run.calls):
                self._end_wait(run, path, self._latest_s)
            for part in (run, *run.tasks.values(), *run.calls.values()):
                if part.to_s < 0.0:
                    part.to_s = self._latest_s
        return Timeline(self._runs, tuple(self._held), tuple(self._doors))
