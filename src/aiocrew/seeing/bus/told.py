"""The classes of CrewAI's events that runs tell: what happens in CrewAI's words happens here too.

All fields may be left out, so that a program which emits such an event itself need not know every release's list.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

from aiocrew.seeing.bus.base_event import BaseEvent
from aiocrew.types.outputs import TaskOutput

__all__ = [
    "AgentExecutionCompletedEvent",
    "AgentExecutionErrorEvent",
    "AgentExecutionStartedEvent",
    "CrewKickoffCompletedEvent",
    "CrewKickoffFailedEvent",
    "CrewKickoffStartedEvent",
    "FlowEvent",
    "FlowFailedEvent",
    "FlowFinishedEvent",
    "FlowStartedEvent",
    "HumanFeedbackReceivedEvent",
    "HumanFeedbackRequestedEvent",
    "LLMCallCompletedEvent",
    "LLMCallFailedEvent",
    "LLMCallStartedEvent",
    "LLMCallType",
    "LLMGuardrailCompletedEvent",
    "LLMGuardrailStartedEvent",
    "LLMStreamChunkEvent",
    "LiteAgentExecutionCompletedEvent",
    "LiteAgentExecutionErrorEvent",
    "LiteAgentExecutionStartedEvent",
    "MethodExecutionFailedEvent",
    "MethodExecutionFinishedEvent",
    "MethodExecutionStartedEvent",
    "TaskCompletedEvent",
    "TaskFailedEvent",
    "TaskStartedEvent",
    "ToolUsageErrorEvent",
    "ToolUsageEvent",
    "ToolUsageFinishedEvent",
    "ToolUsageStartedEvent",
]


class _CrewEvent(BaseEvent):
    crew_name: str | None = None
    crew: Any = None
    """A CrewRecord."""


class CrewKickoffStartedEvent(_CrewEvent):
    type: str = "crew_kickoff_started"
    inputs: dict[str, Any] | None = None


class CrewKickoffCompletedEvent(_CrewEvent):
    type: str = "crew_kickoff_completed"
    output: Any = None
    """A CrewOutput with `raw`, the texts of its tasks and its token usage."""
    total_tokens: int = 0


class CrewKickoffFailedEvent(_CrewEvent):
    """Also a run that was cancelled: then `error` is "cancelled"."""

    type: str = "crew_kickoff_failed"
    error: str = ""


class TaskStartedEvent(BaseEvent):
    type: str = "task_started"
    context: str | None = None
    """The outputs that the task is given, if any."""
    task: Any = None
    """A TaskRecord."""


class TaskCompletedEvent(BaseEvent):
    """Also a conditional task that was skipped: its output is empty."""

    type: str = "task_completed"
    output: TaskOutput | None = None
    """The text, as `raw`."""
    task: Any = None


class TaskFailedEvent(BaseEvent):
    type: str = "task_failed"
    error: str = ""
    task: Any = None


class AgentExecutionStartedEvent(BaseEvent):
    type: str = "agent_execution_started"
    agent: Any = None
    """An AgentRecord."""
    task: Any = None
    tools: Any = None
    """Not told; LLMCallStartedEvent has those that the model is offered."""
    task_prompt: str = ""
    """Not told; LLMCallStartedEvent has the whole conversation."""


class AgentExecutionCompletedEvent(BaseEvent):
    type: str = "agent_execution_completed"
    agent: Any = None
    task: Any = None
    output: str = ""


class AgentExecutionErrorEvent(BaseEvent):
    type: str = "agent_execution_error"
    agent: Any = None
    task: Any = None
    error: str = ""


class LiteAgentExecutionStartedEvent(BaseEvent):
    """An agent was kicked off by itself, without a crew."""

    type: str = "lite_agent_execution_started"
    agent_info: dict[str, Any] = {}  # noqa: RUF012 - pydantic copies it
    """The agent's id and role."""
    tools: Any = None
    messages: Any = None


class LiteAgentExecutionCompletedEvent(BaseEvent):
    type: str = "lite_agent_execution_completed"
    agent_info: dict[str, Any] = {}  # noqa: RUF012
    output: str = ""


class LiteAgentExecutionErrorEvent(BaseEvent):
    type: str = "lite_agent_execution_error"
    agent_info: dict[str, Any] = {}  # noqa: RUF012
    error: str = ""


class ToolUsageEvent(BaseEvent):
    """What the events of a tool call have in common."""

    agent_key: str | None = None
    tool_name: str = ""
    tool_args: dict[str, Any] | str = ""
    """As the model gave them; a text where they are no JSON object."""
    tool_class: str | None = None
    """The tool's name: its class is not told."""
    run_attempts: int | None = None
    delegations: int | None = None
    agent: Any = None
    from_task: Any = None
    from_agent: Any = None


class ToolUsageStartedEvent(ToolUsageEvent):
    type: str = "tool_usage_started"


class ToolUsageFinishedEvent(ToolUsageEvent):
    type: str = "tool_usage_finished"
    started_at: datetime | None = None
    finished_at: datetime | None = None
    from_cache: bool = False
    output: Any = None


class ToolUsageErrorEvent(ToolUsageEvent):
    """An unknown tool, arguments that do not fit, or an exception in the tool."""

    type: str = "tool_usage_error"
    error: Any = None


class LLMCallType(Enum):
    """What a reply asks for: to call tools, or nothing."""

    TOOL_CALL = "tool_call"
    LLM_CALL = "llm_call"


class _LLMEvent(BaseEvent):
    model: str | None = None
    call_id: str = ""
    """The same for all events of one call."""
    from_task: Any = None
    from_agent: Any = None


class LLMCallStartedEvent(_LLMEvent):
    type: str = "llm_call_started"
    messages: str | list[dict[str, Any]] | None = None
    """The whole conversation, as {"role", "content"}."""
    tools: list[dict[str, Any]] | None = None
    callbacks: list[Any] | None = None
    available_functions: dict[str, Any] | None = None


class LLMCallCompletedEvent(_LLMEvent):
    type: str = "llm_call_completed"
    messages: str | list[dict[str, Any]] | None = None
    response: Any = None
    """The text, or the tool calls that the reply asks for, as dicts."""
    call_type: LLMCallType = LLMCallType.LLM_CALL
    usage: dict[str, Any] | None = None
    finish_reason: str | None = None
    response_id: str | None = None
    """The provider's; of a streamed reply to which it gave none, that of its pieces."""


class LLMCallFailedEvent(_LLMEvent):
    type: str = "llm_call_failed"
    error: str = ""


class LLMStreamChunkEvent(_LLMEvent):
    type: str = "llm_stream_chunk"
    chunk: str = ""
    tool_call: Any = None
    call_type: LLMCallType | None = None
    response_id: str | None = None
    """The same for all pieces of one reply, and for its LLMCallCompletedEvent. A reply that broke off and is asked for
    again has another one: what came under the old one is void."""


class LLMGuardrailStartedEvent(BaseEvent):
    """Any guardrail, of words or a function."""

    type: str = "llm_guardrail_started"
    guardrail: Any = ""
    """Its name."""
    guardrail_name: str | None = None
    retry_count: int = 0
    """How often it was asked of this task before."""
    from_task: Any = None
    from_agent: Any = None


class LLMGuardrailCompletedEvent(BaseEvent):
    type: str = "llm_guardrail_completed"
    guardrail_name: str | None = None
    success: bool = True
    result: Any = None
    """Not told; the task's output is the answer as the guardrail left it."""
    error: str | None = None
    retry_count: int = 0
    from_task: Any = None
    from_agent: Any = None


class FlowEvent(BaseEvent):
    """What the events of a flow have in common."""

    flow_name: str = ""


class FlowStartedEvent(FlowEvent):
    type: str = "flow_started"
    inputs: dict[str, Any] | None = None


class FlowFinishedEvent(FlowEvent):
    type: str = "flow_finished"
    result: Any = None
    """As a text."""
    state: Any = None
    """Not told: `flow.state` has it when the kickoff has returned."""


class FlowFailedEvent(FlowEvent):
    type: str = "flow_failed"
    error: Any = None


class MethodExecutionStartedEvent(FlowEvent):
    type: str = "method_execution_started"
    method_name: str = ""
    state: Any = None
    params: dict[str, Any] | None = None


class MethodExecutionFinishedEvent(FlowEvent):
    type: str = "method_execution_finished"
    method_name: str = ""
    result: Any = None
    """As a text."""
    state: Any = None


class MethodExecutionFailedEvent(FlowEvent):
    type: str = "method_execution_failed"
    method_name: str = ""
    error: Any = None
    """As a text."""


class HumanFeedbackRequestedEvent(FlowEvent):
    """A human is asked about the answer of a task with human_input; `flow_name` is the crew's."""

    type: str = "human_feedback_requested"
    method_name: str = ""
    output: Any = None
    message: str = ""
    emit: list[str] | None = None
    request_id: str | None = None


class HumanFeedbackReceivedEvent(FlowEvent):
    type: str = "human_feedback_received"
    method_name: str = ""
    feedback: str = ""
    outcome: str | None = None
