"""Everything that a run reports, as one closed union; names are CrewAI's where it has one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec

from aiocrew.types.messages import FinishReason, Request, ToolCall
from aiocrew.types.model_settings import ModelSettings
from aiocrew.types.paths import Path
from aiocrew.types.usage import Usage

__all__ = [
    "BEGINNINGS_OF_RUNS",
    "ENDS_OF_RUNS",
    "AgentExecutionCompleted",
    "AgentExecutionError",
    "AgentExecutionStarted",
    "AgentTurnCompleted",
    "AgentTurnStarted",
    "BatchHeld",
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
    "EventsMissed",
    "FlowFailed",
    "FlowFinished",
    "FlowStarted",
    "HumanFeedbackReceived",
    "HumanFeedbackRequested",
    "LLMCallCompleted",
    "LLMCallFailed",
    "LLMCallQueued",
    "LLMCallRetried",
    "LLMCallSent",
    "LLMCallStarted",
    "LLMFirstToken",
    "LLMGuardrailCompleted",
    "LLMGuardrailStarted",
    "LLMStreamChunk",
    "LiteAgentExecutionCompleted",
    "LiteAgentExecutionError",
    "LiteAgentExecutionStarted",
    "LoopBlocked",
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
    """Monotonic seconds, of the run's event loop."""
    wall_s: float
    """Seconds since the epoch."""


class CrewKickoffStarted(_Base, frozen=True):
    crew: str
    inputs: Mapping[str, Any] | None
    outer: str = ""
    """The run_id of the run inside which this one was started; the path begins with where in it."""


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
    outer: str = ""


class LiteAgentExecutionCompleted(_Base, frozen=True, gc=False):
    agent: str
    output: str


class LiteAgentExecutionError(_Base, frozen=True, gc=False):
    agent: str
    error: str
    cancelled: bool = False


class FlowStarted(_Base, frozen=True):
    flow: str
    inputs: Mapping[str, Any] | None
    outer: str = ""


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
    waits: tuple[Path, ...] = ()
    """The tasks that had to end before it might begin."""
    sees: tuple[Path, ...] = ()
    """Those of them whose outputs it was given."""
    written_at: str = ""
    """Where its Task(...) stands in the program, as "file:line"; "" where that is not known."""


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


class AgentExecutionStarted(_Base, frozen=True, gc=False):
    """An agent began to work on something: a task, work that was handed to it, a judgement."""

    agent: str


class AgentExecutionCompleted(_Base, frozen=True, gc=False):
    agent: str
    output: str


class AgentExecutionError(_Base, frozen=True, gc=False):
    agent: str
    error: str
    cancelled: bool = False


class AgentTurnStarted(_Base, frozen=True, gc=False):
    """One question to the model begins, with what its reply asks for."""

    agent: str
    turn: int
    """Counted from 0 within one conversation."""


class AgentTurnCompleted(_Base, frozen=True, gc=False):
    agent: str
    turn: int
    led_to: Literal["answer", "tools", "correction"]


class LLMCallStarted(_Base, frozen=True, gc=False):
    model: str
    agent: str
    request: Request
    """The whole prompt: what was said so far, and the tools."""
    settings: ModelSettings | None = None
    """Where it goes and with which parameters, one object for all calls of a model; None for a model of one's own."""


class LLMCallQueued(_Base, frozen=True, gc=False):
    """An attempt of the call waits from now on for a limit, until the next event of its path."""

    limit: str
    """Which one, for people: equal for equal limits."""
    attempt: int
    is_ramp: bool = False
    """No limit is known yet: how many calls the provider takes at once is being found out, in milliseconds."""


class LLMCallSent(_Base, frozen=True, gc=False):
    """An attempt goes out now."""

    attempt: int
    """Counted from 1."""


class LLMFirstToken(_Base, frozen=True, gc=False):
    """The first piece of a streamed reply has come: of each attempt that gets so far."""

    attempt: int = 1
    """Counted from 1."""


class LLMStreamChunk(_Base, frozen=True, gc=False):
    """A piece of a streamed reply."""

    text: str
    attempt: int = 1
    """Counted from 1. A piece of a later attempt makes those of the call's earlier ones void."""
    response_id: str = ""
    """As of LLMCallCompleted, where the provider said it before this piece."""


class LLMCallRetried(_Base, frozen=True, gc=False):
    """An attempt failed and the next one follows after `delay_s`. What came of the reply in pieces is void."""

    model: str
    attempt: int
    """The one that failed, counted from 1."""
    delay_s: float
    error: str
    status: int | None = None
    """The HTTP status of the provider's answer; None where there was none."""


class LLMCallCompleted(_Base, frozen=True, gc=False):
    model: str
    agent: str
    text: str
    calls: tuple[ToolCall, ...]
    """What the reply asks for."""
    usage: Usage
    finish_reason: FinishReason
    cost_usd: float | None = None
    """By the price that the user gave for the model; None where none was given."""
    response_model: str = ""
    """The model that answered, as the provider names it."""
    response_id: str = ""
    """As the provider calls its answer; "" where it does not say."""


class LLMCallFailed(_Base, frozen=True, gc=False):
    model: str
    agent: str
    error: str
    status: int | None = None
    """The HTTP status of the provider's last answer; None where there was none."""


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


class LLMGuardrailStarted(_Base, frozen=True, gc=False):
    guardrail: str
    agent: str


class LLMGuardrailCompleted(_Base, frozen=True, gc=False):
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
    written_at: str = ""
    """Where it is defined, as "file:line"; "" where that is not known."""


class CallbackCompleted(_Base, frozen=True, gc=False):
    callback: str


class CallbackFailed(_Base, frozen=True, gc=False):
    callback: str
    error: str


class BatchHeld(_Base, frozen=True, gc=False):
    """A batch could begin no further input for a while, which ends now. It belongs to no run: run_id is ""."""

    by: Literal["reader", "max_concurrency"]
    """Nobody took the outcomes that were there; or as many inputs were under way as the caller allows."""
    held_s: float
    most: int
    """How many inputs may be under way."""


class LoopBlocked(_Base, frozen=True, gc=False):
    """An event loop did nothing else for a while, which ends now. It belongs to no run: run_id is ""."""

    blocked_s: float
    file: str
    """Where the code stood that blocked it, as far as a watcher saw; "" where none can be named."""
    line: int
    function: str
    door: str = ""
    """The synchronous door that was used there, such as kickoff; "" where it was other code."""


class EventsMissed(_Base, frozen=True, gc=False):
    """In a stream, in place of events that its reader was too slow for; what it missed began at `at_s`.

    It has the run_id and the path of the run that the stream is of. Only streams have it: no run tells it.
    """

    count: int
    """How many there were, each piece of a streamed reply included."""
    until_s: float
    """Monotonic seconds of the last one; there may be others between them that were not missed."""


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
    | AgentExecutionStarted
    | AgentExecutionCompleted
    | AgentExecutionError
    | AgentTurnStarted
    | AgentTurnCompleted
    | TaskStarted
    | TaskCompleted
    | TaskFailed
    | TaskSkipped
    | LLMCallStarted
    | LLMCallQueued
    | LLMCallSent
    | LLMFirstToken
    | LLMStreamChunk
    | LLMCallRetried
    | LLMCallCompleted
    | LLMCallFailed
    | ReplyRepaired
    | ToolUsageStarted
    | ToolUsageFinished
    | ToolUsageError
    | LLMGuardrailStarted
    | LLMGuardrailCompleted
    | HumanFeedbackRequested
    | HumanFeedbackReceived
    | DelegationStarted
    | DelegationCompleted
    | DelegationFailed
    | CallbackStarted
    | CallbackCompleted
    | CallbackFailed
    | BatchHeld
    | LoopBlocked
    | EventsMissed
    | ThreadAbandoned
)

BEGINNINGS_OF_RUNS: Final = (CrewKickoffStarted, FlowStarted, LiteAgentExecutionStarted)
"""The first event of a run is one of these, whatever it carries out."""

ENDS_OF_RUNS: Final = (
    CrewKickoffCompleted,
    CrewKickoffFailed,
    FlowFinished,
    FlowFailed,
    LiteAgentExecutionCompleted,
    LiteAgentExecutionError,
)
"""And the last one, one of these."""
