"""What the account says of each event. Pure: an event and what is known of its run give lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from aiocrew.console import telling_calls, telling_runs, telling_tasks
from aiocrew.console.lines import Line
from aiocrew.console.stories import Story
from aiocrew.types import events
from aiocrew.types.events import Event

__all__ = ["TOLD", "lines_about"]

Tells: TypeAlias = Callable[[Story, Any], tuple[Line, ...]]

TOLD: Mapping[type[Any], Tells] = MappingProxyType(
    {
        events.CrewKickoffStarted: telling_runs.crew_started,
        events.CrewKickoffCompleted: telling_runs.crew_done,
        events.CrewKickoffFailed: telling_runs.crew_failed,
        events.LiteAgentExecutionStarted: telling_runs.agent_started,
        events.LiteAgentExecutionCompleted: telling_runs.agent_done,
        events.LiteAgentExecutionError: telling_runs.agent_failed,
        events.FlowStarted: telling_runs.flow_started,
        events.FlowFinished: telling_runs.flow_done,
        events.FlowFailed: telling_runs.flow_failed,
        events.MethodExecutionStarted: telling_runs.method_started,
        events.MethodExecutionFinished: telling_runs.method_done,
        events.MethodExecutionFailed: telling_runs.method_failed,
        events.BatchHeld: telling_runs.batch_held,
        events.LoopBlocked: telling_runs.loop_blocked,
        events.TaskStarted: telling_tasks.task_started,
        events.TaskCompleted: telling_tasks.task_done,
        events.TaskFailed: telling_tasks.task_failed,
        events.TaskSkipped: telling_tasks.task_skipped,
        events.AgentExecutionStarted: telling_tasks.agent_at_work,
        events.ReplyRepaired: telling_tasks.reply_repaired,
        events.LLMGuardrailCompleted: telling_tasks.guardrail_judged,
        events.HumanFeedbackRequested: telling_tasks.human_asked,
        events.HumanFeedbackReceived: telling_tasks.human_said,
        events.DelegationStarted: telling_tasks.work_handed_on,
        events.DelegationCompleted: telling_tasks.work_came_back,
        events.DelegationFailed: telling_tasks.work_failed,
        events.CallbackFailed: telling_tasks.callback_failed,
        events.ThreadAbandoned: telling_tasks.thread_abandoned,
        events.LLMCallStarted: telling_calls.model_asked,
        events.LLMCallQueued: telling_calls.call_waits,
        events.LLMCallSent: telling_calls.call_sent,
        events.LLMCallRetried: telling_calls.call_retried,
        events.LLMCallCompleted: telling_calls.model_replied,
        events.LLMCallFailed: telling_calls.call_failed,
        events.ToolUsageStarted: telling_calls.tool_called,
        events.ToolUsageFinished: telling_calls.tool_gave,
        events.ToolUsageError: telling_calls.tool_failed,
    }
)
"""What is said of each kind of event; what is read and not said only changes the story."""


def lines_about(story: Story, event: Event) -> tuple[Line, ...]:
    """Return what is to be said of `event`, and keep in `story` what later events need."""
    tells = TOLD.get(type(event))
    return () if tells is None else tells(story, event)
