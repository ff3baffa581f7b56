"""Observing what runs do, and what keeps them from going on side by side."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from types import FrameType, TracebackType
from typing import Any, Final, TypeAlias
from weakref import WeakKeyDictionary

from aiocrew.aio.watch import Blocked, Frame, LoopWatch
from aiocrew.errors import UsageError
from aiocrew.seeing.blame import Owner, Site, blame_for_block, calling_site, lines_until_loop, owner_of_task
from aiocrew.seeing.executors import ExecutorWatch
from aiocrew.seeing.origins import OriginWatch
from aiocrew.seeing.overlap import report_on
from aiocrew.seeing.recorder import reading
from aiocrew.seeing.report import OverlapReport
from aiocrew.seeing.sightings import Held, Sightings, Start
from aiocrew.seeing.waiting import WaitingLog
from aiocrew.types.events import (
    BEGINNINGS_OF_RUNS,
    BatchHeld,
    CrewKickoffStarted,
    Event,
    FlowStarted,
    LiteAgentExecutionStarted,
    LLMStreamChunk,
    LoopBlocked,
    ToolUsageStarted,
)
from aiocrew.types.paths import ROOT, Path

__all__ = ["Observation", "observe"]

_Started: TypeAlias = CrewKickoffStarted | FlowStarted | LiteAgentExecutionStarted
_NOTED: Final = frozenset({*BEGINNINGS_OF_RUNS, ToolUsageStarted, BatchHeld})
"""Of what more is noted than the event."""


class Observation:
    """What is seen of all runs of the process inside `with observe() as seen`.

    It costs a seventh of the CPU of a call, memory for all events, and a thread that looks at event loops which do
    not answer. Afterwards, or at any time meanwhile, `report()` says how well the runs overlapped.
    """

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._starts: dict[str, Start] = {}
        self._workers: dict[tuple[str, Path], int] = {}
        self._held: list[Held] = []
        self._blocked: list[Blocked] = []
        self._logs: dict[asyncio.AbstractEventLoop, WaitingLog] = {}
        self._doors: dict[asyncio.AbstractEventLoop, Site] = {}
        """Who waits for a loop by a synchronous door."""
        self._ended_logs: list[WaitingLog] = []
        self._origins = OriginWatch()
        self._executors = ExecutorWatch(self._origin_here)
        self._watch = LoopWatch(self._loop_was_blocked, self._look_at)
        self._reading = reading(self, everywhere=True)
        self._numbers: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        self._numbered = 0
        self._lock = threading.Lock()
        self._virtual = False
        """Whether some loop is on virtual time."""
        self._state = "new"

    def __enter__(self) -> Observation:
        if self._state != "new":
            raise UsageError("an observation is entered once: write `with observe() as seen:` anew")
        self._state = "observing"
        self._executors.start()
        self._origins.start()
        self._reading.__enter__()
        running = asyncio._get_running_loop()
        if running is not None:
            self._see_loop(running)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._state = "ended"
        self._reading.__exit__(kind, error, traceback)
        self._origins.stop()
        self._executors.stop()
        self._watch.stop()
        self._logs.clear()  # they hold the loops
        self._doors.clear()

    @property
    def events(self) -> tuple[Event, ...]:
        """The events so far, without the chunks of streams; with those that tell of a blocked loop."""
        return tuple(self._events)

    def report(self) -> OverlapReport:
        """Return how well the runs overlapped, and what kept them from it."""
        return report_on(
            Sightings(
                events=list(self._events),
                starts=dict(self._starts),
                workers=dict(self._workers),
                held=list(self._held),
                blocked=list(self._blocked),
                waiting=[waiting for log in list(self._ended_logs) for waiting in log.all()],
                queued=list(self._executors.queued),
            )
        )

    def save_html(self, path: str | os.PathLike[str], *, title: str = "aiocrew") -> None:
        """Write the lanes page: one HTML file with every run, what it did when, and the report. Raises OSError."""
        from aiocrew.seeing.page.render import save_page  # who only wants the report does not load it

        save_page(path, self.events, self.report(), title=title)

    # As a reader of events

    def emit(self, event: Event) -> None:
        """Note an event; called in the thread, and on the stack, of what it tells of."""
        kind = type(event)
        if kind in _NOTED:
            self._note(event)
        elif kind is LLMStreamChunk:
            return
        elif self._virtual:
            self._look_without_beat()
        self._events.append(event)

    def _note(self, event: Event) -> None:
        """Note of an event what only its moment tells."""
        if isinstance(event, ToolUsageStarted):
            task = asyncio.current_task()
            if task is not None:
                self._workers[event.run_id, event.path] = self._number_of(task)
            return
        frame = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
        if isinstance(event, BatchHeld):
            self._held.append(Held(event, calling_site(frame)))
        elif isinstance(event, BEGINNINGS_OF_RUNS):
            self._note_start(event, frame)

    def _note_start(self, event: _Started, frame: FrameType) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        # An outermost run in a task of ours has no line of the user's on its stack. To look there would make an object
        # of each frame, for all the run's life.
        has_lines = bool(event.outer) or task is None or owner_of_task(task) is not Owner.OURS
        lines, below = lines_until_loop(frame) if has_lines or loop not in self._doors else ((), None)
        if lines:
            site = Site(lines, is_sync=False)
        else:  # who waits for the loop is the same for all that it runs
            known = self._doors.get(loop)
            site = self._doors[loop] = calling_site(below) if known is None else known
        ident = threading.get_ident()
        if site.is_sync or task is None:
            awaiter = -ident
        elif site.lines or (origin := self._origins.of(task)) is None:
            awaiter = self._number_of(task)
        else:
            site, awaiter = Site((origin.frame,), is_sync=False), origin.maker
        self._starts[event.run_id] = Start(site, awaiter, ident)
        self._see_loop(loop)

    def _origin_here(self) -> Frame | None:
        loop = asyncio._get_running_loop()
        task = None if loop is None else asyncio.current_task(loop)
        origin = None if task is None else self._origins.of(task)
        return None if origin is None else origin.frame

    def _number_of(self, task: Any) -> int:
        with self._lock:
            number = self._numbers.get(task)
            if number is None:
                self._numbered += 1
                number = self._numbers[task] = self._numbered
            return number

    # As a watcher of loops

    def _see_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop not in self._logs:
            with self._lock:
                for closed in [known for known in self._logs if known.is_closed()]:
                    del self._logs[closed]
                    self._doors.pop(closed, None)
                log = self._logs[loop] = WaitingLog()
                self._ended_logs.append(log)
            self._watch.add(loop)
            self._virtual = self._virtual or not self._watch.beats(loop)

    def _look_without_beat(self) -> None:
        loop = asyncio.get_running_loop()
        log = self._logs.get(loop)
        if log is not None and not self._watch.beats(loop):
            log.look_once(loop, self._number_of)

    def _look_at(self, loop: asyncio.AbstractEventLoop) -> None:
        log = self._logs.get(loop)
        if log is not None:
            log.look(loop, self._number_of)

    def _loop_was_blocked(self, blocked: Blocked) -> None:
        self._blocked.append(blocked)
        blame = next((found for stack in blocked.stacks if (found := blame_for_block(stack)) is not None), None)
        file, line, function = (
            ("", 0, "") if blame is None else (blame.frame.file, blame.frame.line, blame.frame.function)
        )
        wall_s = self._wall_s(blocked.to_s)
        event = LoopBlocked("", ROOT, blocked.to_s, wall_s, blocked.to_s - blocked.from_s, file, line, function)
        self._events.append(event)

    def _wall_s(self, at_s: float) -> float:
        """Return the wall time of a moment, by that of an event on the same clock."""
        known = next((event for event in reversed(self._events) if event.run_id), None)
        return at_s if known is None else at_s - known.at_s + known.wall_s


def observe() -> Observation:
    """Return an observation of every run of the process, whoever starts it: `with aiocrew.observe() as seen: ...`.

    `seen.report()` then says how well the runs overlapped and what kept them from it; `seen.save_html(path)` writes
    them as a page.
    """
    return Observation()
