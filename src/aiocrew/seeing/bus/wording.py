"""Each event of a run in CrewAI's words: which of its classes it is, and what stands in the fields. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec

from aiocrew.models.message_dicts import dict_of_call, dicts_of_messages, dicts_of_tools
from aiocrew.seeing.bus import told
from aiocrew.seeing.bus.base_event import BaseEvent
from aiocrew.seeing.bus.memory import RunMemory
from aiocrew.seeing.bus.records import CrewRecord, FlowRecord, ModelRecord
from aiocrew.types import events
from aiocrew.types.outputs import CrewOutput, TaskOutput
from aiocrew.types.paths import Path
from aiocrew.types.usage import Usage, UsageMetrics

__all__ = ["WORDINGS", "Wording", "as_moment"]

Fields: TypeAlias = dict[str, Any]


class Wording(NamedTuple):
    """How one of aiocrew's events is told."""

    cls: type[BaseEvent]
    fields: Callable[[RunMemory, Any], tuple[Any, Fields]]
    """Gives the source and the fields."""
    scope: Literal["opens", "closes", "within"] = "within"


def as_moment(wall_s: float) -> datetime:
    """Return seconds since the epoch as CrewAI has them."""
    return datetime.fromtimestamp(wall_s, UTC)


# Crews


def _crew(run: RunMemory, name: str, **fields: Any) -> tuple[Any, Fields]:
    crew = CrewRecord(run.run_id, name)
    return crew, {"crew": crew, "crew_name": name, **_source(crew.id, "crew"), **fields}


def _crew_started(run: RunMemory, event: events.CrewKickoffStarted) -> tuple[Any, Fields]:
    return _crew(run, event.crew, inputs=None if event.inputs is None else dict(event.inputs))


def _crew_completed(run: RunMemory, event: events.CrewKickoffCompleted) -> tuple[Any, Fields]:
    usage = UsageMetrics.sum_of(run.usages)
    outputs = [_output(run, path) for path in run.outputs]
    output = CrewOutput(raw=event.output, tasks_output=outputs, token_usage=usage)
    return _crew(run, event.crew, output=output, total_tokens=usage.total_tokens)


def _crew_failed(run: RunMemory, event: events.CrewKickoffFailed) -> tuple[Any, Fields]:
    return _crew(run, event.crew, error=event.error)


# Tasks


def _task(
    run: RunMemory, event: events.TaskStarted | events.TaskCompleted | events.TaskFailed | events.TaskSkipped
) -> tuple[Any, Fields]:
    task = run.task(event.path)
    fields = {"task": task, "task_id": task.id, "task_name": task.name, **_source(task.id, "task")}
    return task, {**fields, "agent_id": task.agent.id, "agent_role": task.agent.role}


def _task_started(run: RunMemory, event: events.TaskStarted) -> tuple[Any, Fields]:
    task, fields = _task(run, event)
    seen = [run.outputs[path] for path in event.sees if path in run.outputs]
    return task, {**fields, "context": "\n\n".join(seen) if seen else None}


def _task_completed(run: RunMemory, event: events.TaskCompleted | events.TaskSkipped) -> tuple[Any, Fields]:
    task, fields = _task(run, event)
    return task, {**fields, "output": _output(run, event.path)}


def _output(run: RunMemory, path: Path) -> TaskOutput:
    name, role = run.tasks[path]
    return TaskOutput(description=name, name=name, raw=run.outputs[path], agent=role)


def _task_failed(run: RunMemory, event: events.TaskFailed) -> tuple[Any, Fields]:
    task, fields = _task(run, event)
    return task, {**fields, "error": event.error}


# Agents


def _within(run: RunMemory, event: Any) -> Fields:
    """Return the fields of what an agent does: whose it is, and within which task."""
    agent, task = run.agent(event.agent), run.task_of(event.path)
    fields: Fields = {"agent_id": agent.id, "agent_role": agent.role, **_source(agent.id, "agent")}
    return fields if task is None else {**fields, "task_id": task.id, "task_name": task.name}


def _execution(run: RunMemory, event: Any, **fields: Any) -> tuple[Any, Fields]:
    agent = run.agent(event.agent)
    return agent, {**_within(run, event), "agent": agent, "task": run.task_of(event.path), **fields}


def _execution_started(run: RunMemory, event: events.AgentExecutionStarted) -> tuple[Any, Fields]:
    return _execution(run, event)


def _execution_completed(run: RunMemory, event: events.AgentExecutionCompleted) -> tuple[Any, Fields]:
    return _execution(run, event, output=event.output)


def _execution_error(run: RunMemory, event: events.AgentExecutionError) -> tuple[Any, Fields]:
    return _execution(run, event, error=event.error)


def _alone(run: RunMemory, event: Any, **fields: Any) -> tuple[Any, Fields]:
    agent = run.agent(event.agent)
    return agent, {**_within(run, event), "agent_info": {"id": agent.id, "role": agent.role}, **fields}


def _alone_started(run: RunMemory, event: events.LiteAgentExecutionStarted) -> tuple[Any, Fields]:
    return _alone(run, event)


def _alone_completed(run: RunMemory, event: events.LiteAgentExecutionCompleted) -> tuple[Any, Fields]:
    return _alone(run, event, output=event.output)


def _alone_error(run: RunMemory, event: events.LiteAgentExecutionError) -> tuple[Any, Fields]:
    return _alone(run, event, error=event.error)


# Tools


def _tool(run: RunMemory, event: Any, arguments: str, **fields: Any) -> tuple[Any, Fields]:
    agent = run.agent(event.agent)
    what = {"tool_name": event.tool, "tool_class": event.tool, "tool_args": _as_arguments(arguments), "agent": agent}
    return agent, {**_within(run, event), **what, **fields}


def _as_arguments(written: str) -> dict[str, Any] | str:
    try:
        return msgspec.json.decode(written, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        return written


def _tool_started(run: RunMemory, event: events.ToolUsageStarted) -> tuple[Any, Fields]:
    return _tool(run, event, event.arguments)


def _tool_finished(run: RunMemory, event: events.ToolUsageFinished) -> tuple[Any, Fields]:
    began = run.begun.get(event.path)
    return _tool(
        run,
        event,
        began.arguments if isinstance(began, events.ToolUsageStarted) else "",
        started_at=as_moment(event.wall_s if began is None else began.wall_s),
        finished_at=as_moment(event.wall_s),
        from_cache=event.reused,
        output=event.result,
    )


def _tool_error(run: RunMemory, event: events.ToolUsageError) -> tuple[Any, Fields]:
    began = run.begun.get(event.path)
    arguments = began.arguments if isinstance(began, events.ToolUsageStarted) else ""
    return _tool(run, event, arguments, error=event.error)


# Calls of models


def _call(run: RunMemory, event: Any, **fields: Any) -> tuple[Any, Fields]:
    began = run.begun.get(event.path)
    within = _within(run, began) if isinstance(began, events.LLMCallStarted) else {}
    model = began.model if isinstance(began, events.LLMCallStarted) else getattr(event, "model", None)
    return ModelRecord(model or ""), {**within, "model": model, "call_id": _call_id(run, event.path), **fields}


def _call_id(run: RunMemory, path: Path) -> str:
    return f"{run.run_id}:{path}"


def _response_id(run: RunMemory, event: events.LLMStreamChunk | events.LLMCallCompleted) -> str | None:
    """Return what tells the pieces of one reply from all others': the provider's id, or ours where it has none."""
    attempt = run.attempts.get(event.path)
    return event.response_id or (None if attempt is None else f"{_call_id(run, event.path)}#{attempt}")


def _call_started(run: RunMemory, event: events.LLMCallStarted) -> tuple[Any, Fields]:
    request = event.request
    tools = dicts_of_tools(request.tools) if request.tools else None
    return _call(run, event, messages=dicts_of_messages(request.messages), tools=tools)


def _call_completed(run: RunMemory, event: events.LLMCallCompleted) -> tuple[Any, Fields]:
    began = run.begun.get(event.path)
    return _call(
        run,
        event,
        messages=dicts_of_messages(began.request.messages) if isinstance(began, events.LLMCallStarted) else None,
        response=[dict_of_call(call) for call in event.calls] if event.calls else event.text,
        call_type=told.LLMCallType.TOOL_CALL if event.calls else told.LLMCallType.LLM_CALL,
        usage=_as_usage(event.usage),
        finish_reason=event.finish_reason,
        response_id=_response_id(run, event),
    )


def _as_usage(usage: Usage) -> Fields:
    return {**msgspec.structs.asdict(usage), "total_tokens": usage.prompt_tokens + usage.completion_tokens}


def _call_failed(run: RunMemory, event: events.LLMCallFailed) -> tuple[Any, Fields]:
    return _call(run, event, error=event.error)


def _chunk(run: RunMemory, event: events.LLMStreamChunk) -> tuple[Any, Fields]:
    response_id = _response_id(run, event)
    return _call(run, event, chunk=event.text, call_type=told.LLMCallType.LLM_CALL, response_id=response_id)


# Who has to agree


def _guardrail(run: RunMemory, event: Any, **fields: Any) -> tuple[Any, Fields]:
    task = run.task_of(event.path)
    asked = run.guarded[("" if task is None else task.id, event.guardrail)]
    source = task or run.agent(event.agent)
    return source, {
        **_within(run, event),
        "guardrail_name": event.guardrail,
        "retry_count": max(0, asked - 1),
        **fields,
    }


def _guardrail_started(run: RunMemory, event: events.LLMGuardrailStarted) -> tuple[Any, Fields]:
    return _guardrail(run, event, guardrail=event.guardrail)


def _guardrail_completed(run: RunMemory, event: events.LLMGuardrailCompleted) -> tuple[Any, Fields]:
    return _guardrail(run, event, success=event.ok, error=event.reason or None)


def _feedback_requested(run: RunMemory, event: events.HumanFeedbackRequested) -> tuple[Any, Fields]:
    return run.agent(event.agent), {**_within(run, event), "output": event.answer}


def _feedback_received(run: RunMemory, event: events.HumanFeedbackReceived) -> tuple[Any, Fields]:
    return run.agent(event.agent), {**_within(run, event), "feedback": event.feedback}


# Flows


def _flow(run: RunMemory, name: str, **fields: Any) -> tuple[Any, Fields]:
    flow = FlowRecord(run.run_id, name)
    return flow, {"flow_name": name, **_source(flow.id, "flow"), **fields}


def _flow_started(run: RunMemory, event: events.FlowStarted) -> tuple[Any, Fields]:
    return _flow(run, event.flow, inputs=None if event.inputs is None else dict(event.inputs))


def _flow_finished(run: RunMemory, event: events.FlowFinished) -> tuple[Any, Fields]:
    return _flow(run, event.flow, result=event.output)


def _flow_failed(run: RunMemory, event: events.FlowFailed) -> tuple[Any, Fields]:
    return _flow(run, event.flow, error=event.error)


def _method_started(run: RunMemory, event: events.MethodExecutionStarted) -> tuple[Any, Fields]:
    return _flow(run, event.flow, method_name=event.method)


def _method_finished(run: RunMemory, event: events.MethodExecutionFinished) -> tuple[Any, Fields]:
    return _flow(run, event.flow, method_name=event.method, result=event.output)


def _method_failed(run: RunMemory, event: events.MethodExecutionFailed) -> tuple[Any, Fields]:
    return _flow(run, event.flow, method_name=event.method, error=event.error)


def _source(id_: str, kind: str) -> Fields:
    return {"source_fingerprint": id_, "source_type": kind}


WORDINGS: dict[type, Wording] = {
    events.CrewKickoffStarted: Wording(told.CrewKickoffStartedEvent, _crew_started, "opens"),
    events.CrewKickoffCompleted: Wording(told.CrewKickoffCompletedEvent, _crew_completed, "closes"),
    events.CrewKickoffFailed: Wording(told.CrewKickoffFailedEvent, _crew_failed, "closes"),
    events.TaskStarted: Wording(told.TaskStartedEvent, _task_started, "opens"),
    events.TaskCompleted: Wording(told.TaskCompletedEvent, _task_completed, "closes"),
    events.TaskSkipped: Wording(told.TaskCompletedEvent, _task_completed, "closes"),
    events.TaskFailed: Wording(told.TaskFailedEvent, _task_failed, "closes"),
    events.AgentExecutionStarted: Wording(told.AgentExecutionStartedEvent, _execution_started, "opens"),
    events.AgentExecutionCompleted: Wording(told.AgentExecutionCompletedEvent, _execution_completed, "closes"),
    events.AgentExecutionError: Wording(told.AgentExecutionErrorEvent, _execution_error, "closes"),
    events.LiteAgentExecutionStarted: Wording(told.LiteAgentExecutionStartedEvent, _alone_started, "opens"),
    events.LiteAgentExecutionCompleted: Wording(told.LiteAgentExecutionCompletedEvent, _alone_completed, "closes"),
    events.LiteAgentExecutionError: Wording(told.LiteAgentExecutionErrorEvent, _alone_error, "closes"),
    events.ToolUsageStarted: Wording(told.ToolUsageStartedEvent, _tool_started, "opens"),
    events.ToolUsageFinished: Wording(told.ToolUsageFinishedEvent, _tool_finished, "closes"),
    events.ToolUsageError: Wording(told.ToolUsageErrorEvent, _tool_error, "closes"),
    events.LLMCallStarted: Wording(told.LLMCallStartedEvent, _call_started, "opens"),
    events.LLMCallCompleted: Wording(told.LLMCallCompletedEvent, _call_completed, "closes"),
    events.LLMCallFailed: Wording(told.LLMCallFailedEvent, _call_failed, "closes"),
    events.LLMStreamChunk: Wording(told.LLMStreamChunkEvent, _chunk),
    events.LLMGuardrailStarted: Wording(told.LLMGuardrailStartedEvent, _guardrail_started, "opens"),
    events.LLMGuardrailCompleted: Wording(told.LLMGuardrailCompletedEvent, _guardrail_completed, "closes"),
    events.HumanFeedbackRequested: Wording(told.HumanFeedbackRequestedEvent, _feedback_requested),
    events.HumanFeedbackReceived: Wording(told.HumanFeedbackReceivedEvent, _feedback_received),
    events.FlowStarted: Wording(told.FlowStartedEvent, _flow_started, "opens"),
    events.FlowFinished: Wording(told.FlowFinishedEvent, _flow_finished, "closes"),
    events.FlowFailed: Wording(told.FlowFailedEvent, _flow_failed, "closes"),
    events.MethodExecutionStarted: Wording(told.MethodExecutionStartedEvent, _method_started, "opens"),
    events.MethodExecutionFinished: Wording(told.MethodExecutionFinishedEvent, _method_finished, "closes"),
    events.MethodExecutionFailed: Wording(told.MethodExecutionFailedEvent, _method_failed, "closes"),
}
"""By aiocrew's event. What is not in it, CrewAI has no class for."""
