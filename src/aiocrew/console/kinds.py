"""Which events the account reads, and between which of them a run is under way."""

from __future__ import annotations

from typing import Any

from aiocrew.types.events import (
    AgentExecutionCompleted,
    AgentExecutionError,
    AgentTurnCompleted,
    AgentTurnStarted,
    CallbackCompleted,
    CallbackStarted,
    CrewKickoffCompleted,
    CrewKickoffFailed,
    CrewKickoffStarted,
    EventsMissed,
    FlowFailed,
    FlowFinished,
    FlowStarted,
    LiteAgentExecutionCompleted,
    LiteAgentExecutionError,
    LiteAgentExecutionStarted,
    LLMFirstToken,
    LLMGuardrailStarted,
    LLMStreamChunk,
)

__all__ = ["BEGINNINGS", "ENDINGS", "NOT_READ"]

BEGINNINGS = (CrewKickoffStarted, LiteAgentExecutionStarted, FlowStarted)
ENDINGS = (
    CrewKickoffCompleted,
    CrewKickoffFailed,
    LiteAgentExecutionCompleted,
    LiteAgentExecutionError,
    FlowFinished,
    FlowFailed,
)
NOT_READ: frozenset[type[Any]] = frozenset(
    {
        # Others say it: the lines of a task, of a call, of a verdict.
        AgentExecutionCompleted,
        AgentExecutionError,
        AgentTurnStarted,
        AgentTurnCompleted,
        LLMGuardrailStarted,
        CallbackStarted,
        CallbackCompleted,
        # There would be thousands; the whole text comes with the answer.
        LLMFirstToken,
        LLMStreamChunk,
        # Told to the one reader of a stream that was too slow, never to this one.
        EventsMissed,
    }
)
