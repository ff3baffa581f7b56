"""A readable account of a run on stderr, line by line; a reader of events."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TextIO

from aiocrew.types.events import (
    CrewKickoffCompleted,
    CrewKickoffFailed,
    CrewKickoffStarted,
    Event,
    LLMCallRetried,
    ReplyRepaired,
    TaskCompleted,
    TaskFailed,
    TaskStarted,
    ToolUsageError,
    ToolUsageFinished,
    ToolUsageStarted,
)

__all__ = ["ConsoleAccount", "printable"]


class ConsoleAccount:
    """Writes one line for each thing that a reader of the run wants to know."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def emit(self, event: Event) -> None:
        line = _line(event)
        if line is not None:
            with suppress(OSError, ValueError):  # nobody reads any more, or the stream is closed: no reason to fail
                print(f"[{event.run_id[:8]}] {line}", file=self._stream or sys.stderr)


def _line(event: Event) -> str | None:
    match event:
        case CrewKickoffStarted(crew=crew):
            return f"crew {_cut(crew)} started"
        case CrewKickoffCompleted(crew=crew):
            return f"crew {_cut(crew)} finished"
        case CrewKickoffFailed(crew=crew, error=error):
            return f"crew {_cut(crew)} failed: {_cut(error)}"
        case TaskStarted(task=task, agent=agent):
            return f"{_cut(agent)} starts: {_cut(task)}"
        case TaskCompleted(agent=agent, output=output):
            return f"{_cut(agent)} answers: {_cut(output, 500)}"
        case TaskFailed(task=task, error=error):
            return f"task {_cut(task)} failed: {_cut(error)}"
        case ToolUsageStarted(agent=agent, tool=tool, arguments=arguments):
            return f"{_cut(agent)} calls {_cut(tool)} {_cut(arguments)}"
        case ToolUsageFinished(tool=tool, result=result):
            return f"{_cut(tool)} gives: {_cut(result)}"
        case ToolUsageError(tool=tool, error=error):
            return f"{_cut(tool)} failed: {_cut(error)}"
        case LLMCallRetried(model=model, attempt=attempt, delay_s=delay_s, error=error):
            return f"{_cut(model)}: attempt {attempt} failed, next in {delay_s:.1f} s: {_cut(error)}"
        case ReplyRepaired(agent=agent, problem=problem):
            return f"{_cut(agent)} is corrected: {_cut(problem)}"
        case _:
            return None


def _cut(text: str, length: int = 200) -> str:
    shown = printable(text)
    return shown if len(shown) <= length else shown[: length - 1] + "…"


def printable(text: str) -> str:
    """Return `text` on one line with control characters shown as text: a reply may not drive the terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
