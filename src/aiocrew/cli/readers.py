"""Readers of events that the commands show: what each crew does now, and what all of them came to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from aiocrew.cli.words import counted
from aiocrew.types.events import (
    CrewKickoffCompleted,
    CrewKickoffFailed,
    Event,
    LLMCallCompleted,
    LLMCallFailed,
    LLMCallRetried,
    LLMCallStarted,
    TaskStarted,
    ToolUsageError,
    ToolUsageFinished,
    ToolUsageStarted,
)

__all__ = ["CrewLine", "Progress", "Tally"]


class Tally:
    """Counts over all runs."""

    def __init__(self) -> None:
        self.calls = 0
        self.retries = 0
        self.under_way = 0
        self.most_under_way = 0
        self.runs_ended = 0

    def emit(self, event: Event) -> None:
        match event:
            case LLMCallStarted():
                self.under_way += 1
                self.most_under_way = max(self.most_under_way, self.under_way)
            case LLMCallCompleted():
                self.under_way -= 1
                self.calls += 1
            case LLMCallFailed():
                self.under_way -= 1
            case LLMCallRetried():
                self.retries += 1
            case CrewKickoffCompleted() | CrewKickoffFailed():
                self.runs_ended += 1
            case _:
                pass


@dataclass(slots=True)
class CrewLine:
    """What a crew does now, in words, and what it has used."""

    name: str
    doing: str = "waits"
    calls: int = 0
    tokens: int = 0
    ended: bool = False
    tools: list[str] = field(default_factory=list[str])
    """Those that run now."""


class Progress:
    """Keeps a line for each run; `told` is called with a line of text when a crew takes a step that is worth one.

    Lines are changed by the thread of the event loop and may be looked at by any other.
    """

    def __init__(self, told: Callable[[str], None] | None = None) -> None:
        self.lines: dict[str, CrewLine] = {}
        self.told = told

    def follow(self, run_id: str, name: str) -> None:
        """Keep a line for the run `run_id`, which has not begun."""
        self.lines[run_id] = CrewLine(name)

    def emit(self, event: Event) -> None:
        line = self.lines.get(event.run_id)
        if line is None:
            return
        _follow(line, event)
        if self.told is not None and isinstance(event, TaskStarted | CrewKickoffCompleted | CrewKickoffFailed):
            used = f" ({counted(line.calls, 'call')}, {counted(line.tokens, 'token')})" if line.ended else ""
            self.told(f"{line.name}: {line.doing}{used}")


def _follow(line: CrewLine, event: Event) -> None:
    match event:
        case TaskStarted(agent=agent):
            line.doing = f"{agent} begins"
        case LLMCallStarted(agent=agent):
            line.doing = f"{agent} asks the model"
        case LLMCallRetried(attempt=attempt, delay_s=delay_s):
            line.doing = f"attempt {attempt} failed, the next in {delay_s:.1f} s"
        case LLMCallCompleted(usage=usage):
            line.calls += 1
            line.tokens += usage.prompt_tokens + usage.completion_tokens
        case ToolUsageStarted(agent=agent, tool=tool):
            line.tools.append(tool)
            line.doing = f"{agent} uses {', '.join(line.tools)}"
        case ToolUsageFinished(tool=tool) | ToolUsageError(tool=tool):
            if tool in line.tools:
                line.tools.remove(tool)
        case CrewKickoffCompleted():
            line.doing, line.ended = "done", True
        case CrewKickoffFailed(error=error):
            line.doing, line.ended = f"failed: {error}", True
        case _:
            pass
