"""Everything that a run reports, as one closed union; names are CrewAI's where it has one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

from aiocrew.types.messages import FinishReason
from aiocrew.types.paths import Path
from aiocrew.types.usage import Usage

__all__ = [
    "CallbackCompleted",
    "CallbackFailed",
    "CallbackStarted",
    "CrewKickoffCompleted",
    "CrewKickoffFailed",
    "CrewKickoffStarted",
    "DelegationCompleted",
    "DelegationFailed",
    "DelegationStarted",
    "Event",
    "FlowFailed",
    "FlowFinished",
    "FlowStarted",
    "GuardrailCompleted",
    "GuardrailStarted",
    "HumanFeedbackReceived",
    "HumanFeedbackRequested",
    "LLMCallCompleted",
    "LLMCallFailed",
    "LLMCallRetried",
    "LLMCallStarted",
    "LLMStreamChunk",
    "LiteAgentExecutionCompleted",
    "LiteAgentExecutionError",
    "LiteAgentExecutionStarted",
    "MethodExecutionFailed",
    "MethodExecutionFinished",
    "MethodExecutionStarted",
    "ReplyRepaired",
    "TaskCompleted",
    "TaskFailed",
    "TaskSkipped",
    "TaskStarted",
    "ThreadAbandoned",
    "ToolUsageError",
    "ToolUsageFinished",
    "ToolUsageStarted",
]


def _tag(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=LLM)(?=[A-Z])", "_", name).lower()


class _Base(msgspec.Struct, frozen=True, tag=_tag):
    run_id: str
    path: Path
    at_s: float
    """Monotonic seconds; the run's first event gives the wall time that belongs to its own."""


class CrewKickoffStarted(_Base, frozen=True):
    crew: str
    wall_s: float
    """Seconds since the epoch at this event."""
    inputs: Mapping[str, Any] | None


class CrewKickoffCompleted(_Base, frozen=True, gc=False):
    crew: str
    output: str


class CrewKickoffFailed(_Base, frozen=True, gc=False):
    crew: str
    error: str
    cancelled: bool = False


class LiteAgentExecutionStarted(_Base, frozen=True, gc=False):
    """An agent was kicked off by itself, without a crew."""

    agent: str
    wall_s: float


class LiteAgentExecutionCompleted(_Base, frozen=True, gc=False):
    agent: str
    output: str


class LiteAgentExecutionError(_Base, frozen=True, gc=False):
    agent: str
    error: str
    cancelled: bool = False


class FlowStarted(_Base, frozen=True):
    flow: str
    wall_s: float
    inputs: Mapping[str, Any] | None


class FlowFinished(_Base, frozen=True, gc=False):
    flow: str
    output: str


class FlowFailed(_Base, frozen=True, gc=False):
    flow: str
    error: str
    cancelled: bool = False


class MethodExecutionStarted(_Base, frozen=True, gc=False):
    """A method of a flow began."""

    flow: str
    method: str


class MethodExecutionFinished(_Base, frozen=True, gc=False):
    flow: str
    method: str
    output: str


class MethodExecutionFailed(_Base, frozen=True, gc=False):
    flow: str
    method: str
    error: str


class TaskStarted(_Base, frozen=True, gc=False):
    task: str
    agent: str


class TaskCompleted(_Base, frozen=True, gc=False):
    task: str
    agent: str
    output: str


class TaskFailed(_Base, frozen=True, gc=False):
    task: str
    agent: str
    error: str


class TaskSkipped(_Base, frozen=True, gc=False):
    """A conditional task whose condition did not hold."""

    task: str
    agent: str


class LLMCallStarted(_Base, frozen=True, gc=False):
    model: str
    agent: str


class LLMStreamChunk(_Base, frozen=True, gc=False):
    text: str


class LLMCallRetried(_Base, frozen=True, gc=False):
    """An attempt failed and the next one follows after `delay_s`."""

    model: str
    attempt: int
    delay_s: float
    error: str


class LLMCallCompleted(_Base, frozen=True, gc=False):
    model: str
    agent: str
    text: str
    tools: tuple[str, ...]
    """Names of the tools that the reply asks for."""
    usage: Usage
    finish_reason: FinishReason
    cost_usd: float | None = None
    """By the price that the user gave for the model; None where none was given."""


class LLMCallFailed(_Base, frozen=True, gc=False):
    model: str
    agent: str
    error: str


class ReplyRepaired(_Base, frozen=True, gc=False):
    """A reply was unusable and the model was told why."""

    agent: str
    problem: str


class ToolUsageStarted(_Base, frozen=True, gc=False):
    tool: str
    agent: str
    arguments: str


class ToolUsageFinished(_Base, frozen=True, gc=False):
    tool: str
    agent: str
    result: str
    reused: bool = False
    """The result is one that the run had already; the tool did not run again."""


class ToolUsageError(_Base, frozen=True, gc=False):
    """A call that gave no result: unknown tool, arguments that do not fit, or an exception in the tool."""

    tool: str
    agent: str
    error: str


class GuardrailStarted(_Base, frozen=True, gc=False):
    guardrail: str
    agent: str


class GuardrailCompleted(_Base, frozen=True, gc=False):
    """It let the answer pass, or the agent is told the reason."""

    guardrail: str
    agent: str
    ok: bool
    reason: str = ""


class HumanFeedbackRequested(_Base, frozen=True, gc=False):
    agent: str
    answer: str


class HumanFeedbackReceived(_Base, frozen=True, gc=False):
    """An empty text let the answer stand."""

    agent: str
    feedback: str


class DelegationStarted(_Base, frozen=True, gc=False):
    """An agent handed work, or a question, to another one."""

    agent: str
    coworker: str
    work: str


class DelegationCompleted(_Base, frozen=True, gc=False):
    agent: str
    coworker: str
    output: str


class DelegationFailed(_Base, frozen=True, gc=False):
    agent: str
    coworker: str
    error: str


class CallbackStarted(_Base, frozen=True, gc=False):
    callback: str


class CallbackCompleted(_Base, frozen=True, gc=False):
    callback: str


class CallbackFailed(_Base, frozen=True, gc=False):
    callback: str
    error: str


class ThreadAbandoned(_Base, frozen=True, gc=False):
    """A synchronous function went on in its thread after the run stopped waiting; its result is discarded."""

    function: str


Event: TypeAlias = (
    CrewKickoffStarted
    | CrewKickoffCompleted
    | CrewKickoffFailed
    | LiteAgentExecutionStarted
    | LiteAgentExecutionCompleted
    | LiteAgentExecutionError
    | FlowStarted
    | FlowFinished
    | FlowFailed
    | MethodExecutionStarted
    | MethodExecutionFinished
    | MethodExecutionFailed
    | TaskStarted
    | TaskCompleted
    | TaskFailed
    | TaskSkipped
    | LLMCallStarted
    | LLMStreamChunk
    | LLMCallRetried
    | LLMCallCompleted
    | LLMCallFailed
    | ReplyRepaired
    | ToolUsageStarted
    | ToolUsageFinished
    | ToolUsageError
    | GuardrailStarted
    | GuardrailCompleted
    | HumanFeedbackRequested
    | HumanFeedbackReceived
    | DelegationStarted
    | DelegationCompleted
    | DelegationFailed
    | CallbackStarted
    | CallbackCompleted
    | CallbackFailed
    | ThreadAbandoned
)
