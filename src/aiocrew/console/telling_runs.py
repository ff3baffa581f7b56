"""What the account says of whole runs: of crews, of single agents, of flows and their methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiocrew.console.lines import Line
from aiocrew.console.stories import Story
from aiocrew.console.wording import after, block, counted, cut, dollars, error_lines, faint, said, seconds, who
from aiocrew.types.events import (
    BatchHeld,
    CrewKickoffCompleted,
    CrewKickoffFailed,
    CrewKickoffStarted,
    FlowFailed,
    FlowFinished,
    FlowStarted,
    LiteAgentExecutionCompleted,
    LiteAgentExecutionError,
    LiteAgentExecutionStarted,
    LoopBlocked,
    MethodExecutionFailed,
    MethodExecutionFinished,
    MethodExecutionStarted,
)

__all__ = [
    "agent_done",
    "agent_failed",
    "agent_started",
    "batch_held",
    "crew_done",
    "crew_failed",
    "crew_started",
    "flow_done",
    "flow_failed",
    "flow_started",
    "loop_blocked",
    "method_done",
    "method_failed",
    "method_started",
]


def crew_started(story: Story, event: CrewKickoffStarted) -> tuple[Line, ...]:
    return _started(story, event.at_s, "crew", event.inputs)


def crew_done(story: Story, event: CrewKickoffCompleted) -> tuple[Line, ...]:
    return (_done(story, event.at_s, "crew"),)


def crew_failed(story: Story, event: CrewKickoffFailed) -> tuple[Line, ...]:
    return _failed(story, event, "crew")


def agent_started(story: Story, event: LiteAgentExecutionStarted) -> tuple[Line, ...]:
    story.agents[event.path] = event.agent
    return _started(story, event.at_s, "agent", None)


def agent_done(story: Story, event: LiteAgentExecutionCompleted) -> tuple[Line, ...]:
    answer = said("✓", "good", who(event.agent), " answers")
    return (*block(answer, event.output), _done(story, event.at_s, "agent"))


def agent_failed(story: Story, event: LiteAgentExecutionError) -> tuple[Line, ...]:
    return _failed(story, event, "agent")


def flow_started(story: Story, event: FlowStarted) -> tuple[Line, ...]:
    return _started(story, event.at_s, "flow", event.inputs)


def flow_done(story: Story, event: FlowFinished) -> tuple[Line, ...]:
    return (_done(story, event.at_s, "flow"),)


def flow_failed(story: Story, event: FlowFailed) -> tuple[Line, ...]:
    return _failed(story, event, "flow")


def method_started(story: Story, event: MethodExecutionStarted) -> tuple[Line, ...]:
    story.begin(event.path, event.at_s)
    return (said("●", "faint", who(event.method), " starts"),)


def method_done(story: Story, event: MethodExecutionFinished) -> tuple[Line, ...]:
    took = after(story.end(event.path, event.at_s))
    return (said("✓", "good", who(event.method), f" returns{took}: {cut(event.output)}"),)


def method_failed(story: Story, event: MethodExecutionFailed) -> tuple[Line, ...]:
    took = after(story.end(event.path, event.at_s))
    return error_lines(story, said("✗", "bad", who(event.method), f" failed{took}"), event.error)


def batch_held(story: Story, event: BatchHeld) -> tuple[Line, ...]:
    if event.by == "reader":
        reason = "nobody took the outcomes that were there"
    else:
        reason = f"max_concurrency={event.most} inputs were under way"
    return (said("⧗", "warning", f"the batch began no further input for {seconds(event.held_s)}: {reason}"),)


def loop_blocked(story: Story, event: LoopBlocked) -> tuple[Line, ...]:
    place = f"{cut(event.file)}:{event.line} in {cut(event.function)}"
    return (said("⧗", "warning", f"the event loop was blocked for {seconds(event.blocked_s)} at {place}"),)


def _started(story: Story, at_s: float, kind: str, inputs: Mapping[str, Any] | None) -> tuple[Line, ...]:
    story.began_s, story.inputs = at_s, {} if inputs is None else inputs
    given = ", ".join(f"{cut(name, 40)}={_value(value)}" for name, value in (inputs or {}).items())
    return (said("▶", "good", f"{kind} started", faint(f"  {cut(given)}" if given else "")),)


def _value(value: Any) -> str:
    if type(value) is str:
        return f"'{cut(value, 60)}'"
    if type(value) in (int, float, bool, type(None)):
        return repr(value)
    # The repr of anything else may be long, slow, or changing this moment in another thread.
    return f"<{type(value).__name__}>"


def _done(story: Story, at_s: float, kind: str) -> Line:
    return said("✓", "good", f"{kind} done{_in(story, at_s)}", faint(_used(story)))


def _failed(
    story: Story, event: CrewKickoffFailed | LiteAgentExecutionError | FlowFailed, kind: str
) -> tuple[Line, ...]:
    took, used = _in(story, event.at_s), faint(_used(story))
    if event.cancelled:
        return (said("✗", "warning", f"{kind} cancelled{took}", used),)
    where = f" at {story.failed_at}" if story.failed_at else ""
    return error_lines(story, said("✗", "bad", f"{kind} failed{took}", used, where), event.error)


def _in(story: Story, at_s: float) -> str:
    return "" if story.began_s is None else f" in {seconds(at_s - story.began_s)}"


def _used(story: Story) -> str:
    if not story.calls:
        return ""
    parts = [counted(story.calls, "call"), counted(story.tokens, "token")]
    if story.unpriced < story.calls:
        parts.append(("at least " if story.unpriced else "") + dollars(story.cost_usd))
    return "".join(f" · {part}" for part in parts)
