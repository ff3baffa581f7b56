"""The spans of model calls and of tools."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry.trace import SpanKind

from aiocrew.seeing.otel import content
from aiocrew.seeing.otel.called import called_model
from aiocrew.seeing.otel.failures import failure_of, failure_of_tool
from aiocrew.seeing.otel.names import HTTP, GenAI, Own, one_line, sound
from aiocrew.seeing.otel.open_spans import OpenAgent, OpenCall, OpenSpan, RunSpans
from aiocrew.seeing.otel.tracing import Attributes, Tracing, nanoseconds, parent_of
from aiocrew.types.events import (
    AgentTurnCompleted,
    DelegationStarted,
    LLMCallCompleted,
    LLMCallFailed,
    LLMCallQueued,
    LLMCallRetried,
    LLMCallSent,
    LLMCallStarted,
    LLMFirstToken,
    LLMStreamChunk,
    ToolUsageError,
    ToolUsageFinished,
    ToolUsageStarted,
)
from aiocrew.types.messages import Request, ToolCall
from aiocrew.types.paths import Path
from aiocrew.types.usage import Usage

__all__ = ["CallHandlers"]

_UNKNOWN_TOOL = "There is no tool "
"""How the model is told so. Such a name is the model's invention: there may be any number of them."""


class CallHandlers:
    """What is done at each event of a model's or a tool's call."""

    def __init__(self, tracing: Tracing, *, chunks: bool) -> None:
        self._tracing = tracing
        self._chunks = chunks

    def table(self) -> Mapping[type[Any], Callable[[Any, RunSpans], None]]:
        """Return which function serves which events."""
        of_chunks = {LLMStreamChunk: self.chunk_came} if self._chunks else {}
        return {
            **of_chunks,
            LLMCallStarted: self.call_started,
            LLMCallQueued: self.call_queued,
            LLMCallSent: self.call_sent,
            LLMCallRetried: self.call_retried,
            LLMFirstToken: self.first_token,
            LLMCallCompleted: self.call_completed,
            LLMCallFailed: self.call_failed,
            AgentTurnCompleted: self.turn_completed,
            ToolUsageStarted: self.tool_started,
            ToolUsageFinished: self.tool_finished,
            ToolUsageError: self.tool_failed,
            DelegationStarted: self.delegated,
        }

    # Model calls

    def call_started(self, event: LLMCallStarted, run: RunSpans) -> None:
        called, request = called_model(event.model, event.settings), event.request
        attributes: Attributes = {**called.call}
        if request.answer is not None:
            attributes[GenAI.OUTPUT_TYPE] = "json"
        name = f"chat {called.model}"
        opened = self._tracing.begin(
            event, run, name, called.model, attributes, OpenCall, SpanKind.CLIENT, model=called
        )
        if opened.agent is not None:
            self._count_call(opened.agent, opened, request)
        if self._tracing.content and opened.span.is_recording():
            opened.span.set_attribute(GenAI.INPUT_MESSAGES, content.messages(request.messages))
            if request.tools:
                opened.span.set_attribute(GenAI.TOOL_DEFINITIONS, content.definitions(request.tools))

    def _count_call(self, agent: OpenAgent, opened: OpenCall, request: Request) -> None:
        agent.model_calls += 1
        agent.tools = request.tools
        if agent.model is not None:
            return
        agent.model = opened.model
        agent.span.set_attributes(opened.model.agent)
        if request.answer is not None:
            agent.span.set_attribute(GenAI.OUTPUT_TYPE, "json")
        if self._tracing.content and agent.span.is_recording():
            if request.tools:
                agent.span.set_attribute(GenAI.TOOL_DEFINITIONS, content.definitions(request.tools))
            agent.span.set_attribute(GenAI.SYSTEM_INSTRUCTIONS, content.instructions(request.messages))
            asked = content.messages(content.without_instructions(request.messages))
            agent.span.set_attribute(GenAI.INPUT_MESSAGES, asked)

    def call_queued(self, event: LLMCallQueued, run: RunSpans) -> None:
        opened = _call(run, event.path)
        if opened is not None:
            _stop_waiting(opened, event.wall_s)
            opened.queued_s = event.wall_s
            noted: Attributes = {Own.LIMIT: event.limit, Own.ATTEMPT: event.attempt}
            opened.span.add_event(Own.QUEUED, noted, nanoseconds(event.wall_s))

    def call_sent(self, event: LLMCallSent, run: RunSpans) -> None:
        opened = _call(run, event.path)
        if opened is None:
            return
        if opened.queued_s is not None or event.attempt > 1:  # else it says no more than the span's beginning
            opened.span.add_event(Own.SENT, {Own.ATTEMPT: event.attempt}, nanoseconds(event.wall_s))
        _stop_waiting(opened, event.wall_s)
        opened.attempts, opened.sent_s = event.attempt, event.wall_s

    def call_retried(self, event: LLMCallRetried, run: RunSpans) -> None:
        opened = _call(run, event.path)
        if opened is not None:
            opened.first_chunk_s = opened.chunk_s = None  # what came of it is void
            noted: Attributes = {Own.ATTEMPT: event.attempt, Own.DELAY_S: event.delay_s, **_status(event.status)}
            if self._tracing.content:
                noted[GenAI.EXCEPTION_MESSAGE] = sound(event.error)
            opened.span.add_event(Own.RETRIED, noted, nanoseconds(event.wall_s))

    def first_token(self, event: LLMFirstToken, run: RunSpans) -> None:
        opened = _call(run, event.path)
        if opened is not None:
            opened.first_chunk_s, opened.chunk_s = event.wall_s - opened.sent_s, None

    def chunk_came(self, event: LLMStreamChunk, run: RunSpans) -> None:
        opened = _call(run, event.path)
        if opened is not None:
            before_s, opened.chunk_s = opened.chunk_s, event.at_s
            if before_s is not None:
                self._tracing.instruments.next_chunk(opened, event.at_s - before_s)

    def call_completed(self, event: LLMCallCompleted, run: RunSpans) -> None:
        opened = _ended_call(run, event.path)
        if opened is None:
            return
        usage, instruments = event.usage, self._tracing.instruments
        if event.calls:
            run.asked[parent_of(event.path)] = event.calls
        used = _used(usage)
        if opened.agent is not None:
            opened.agent.used.update(used)
            opened.agent.finish_reason = event.finish_reason
        response_model = sound(event.response_model)
        instruments.call(opened, event.wall_s - opened.began_s, None, response_model)
        instruments.tokens(opened, usage, response_model)
        if opened.first_chunk_s is not None:
            instruments.first_chunk(opened, opened.first_chunk_s, response_model)
        opened.span.set_attributes({**_of_attempts(opened, event.wall_s), **_of_reply(event, response_model), **used})
        if self._tracing.content and opened.span.is_recording():
            said = content.output(event.text, event.calls, event.finish_reason)
            opened.span.set_attribute(GenAI.OUTPUT_MESSAGES, said)
        self._tracing.end(opened, event.wall_s)

    def call_failed(self, event: LLMCallFailed, run: RunSpans) -> None:
        opened = _ended_call(run, event.path)
        if opened is None:
            return
        failure, instruments = failure_of(event.error, status=event.status), self._tracing.instruments
        instruments.call(opened, event.wall_s - opened.began_s, failure)
        if opened.first_chunk_s is not None:
            instruments.first_chunk(opened, opened.first_chunk_s)
        opened.span.set_attributes(_of_attempts(opened, event.wall_s) | _status(event.status))
        self._tracing.end(opened, event.wall_s, failure)

    def turn_completed(self, event: AgentTurnCompleted, run: RunSpans) -> None:
        run.asked.pop(event.path, None)

    # Tools

    def tool_started(self, event: ToolUsageStarted, run: RunSpans) -> None:
        name = one_line(event.tool)
        attributes: Attributes = {
            GenAI.OPERATION: "execute_tool",
            GenAI.TOOL: name,
            GenAI.TOOL_TYPE: "function",
            GenAI.AGENT: one_line(event.agent),
        }
        call = _asked_call(event, run)
        if call is not None and call.id:
            attributes[GenAI.TOOL_CALL_ID] = sound(call.id)
        if self._tracing.content:
            attributes[GenAI.TOOL_ARGUMENTS] = sound(event.arguments)
        opened = self._tracing.begin(event, run, f"execute_tool {name}", name, attributes, OpenSpan)
        if opened.agent is not None:
            opened.agent.tool_calls += 1
        if self._tracing.content and call is not None and (said := _description(call, opened.agent)):
            # It may name what the program filled in: a file, a co-worker.
            opened.span.set_attribute(GenAI.TOOL_DESCRIPTION, sound(said))

    def delegated(self, event: DelegationStarted, run: RunSpans) -> None:
        opened = run.open.get(event.path)
        if opened is not None:
            opened.span.set_attribute(Own.COWORKER, one_line(event.coworker))

    def tool_finished(self, event: ToolUsageFinished, run: RunSpans) -> None:
        opened = run.take(event.path)
        if opened is None:
            return
        if event.reused:
            opened.span.set_attribute(Own.REUSED, True)
        else:
            self._tracing.instruments.tool(opened, one_line(event.agent), event.wall_s - opened.began_s, None)
        if self._tracing.content:
            opened.span.set_attribute(GenAI.TOOL_RESULT, sound(event.result))
        self._tracing.end(opened, event.wall_s)

    def tool_failed(self, event: ToolUsageError, run: RunSpans) -> None:
        opened = run.take(event.path)
        if opened is None:
            return
        failure = failure_of_tool(event.tool, event.error)
        if not event.error.startswith(_UNKNOWN_TOOL):
            self._tracing.instruments.tool(opened, one_line(event.agent), event.wall_s - opened.began_s, failure)
        self._tracing.end(opened, event.wall_s, failure)


def _call(run: RunSpans, path: Path) -> OpenCall | None:
    """Return the model call at `path`; a call that a tool makes by itself is told of at the tool's path."""
    opened = run.open.get(path)
    return opened if isinstance(opened, OpenCall) else None


def _ended_call(run: RunSpans, path: Path) -> OpenCall | None:
    opened = run.take(path)
    return opened if isinstance(opened, OpenCall) else None


def _stop_waiting(opened: OpenCall, wall_s: float) -> None:
    if opened.queued_s is not None:
        opened.waited_s += wall_s - opened.queued_s
        opened.queued_s = None


def _of_attempts(opened: OpenCall, wall_s: float) -> Attributes:
    _stop_waiting(opened, wall_s)
    attributes: Attributes = {Own.ATTEMPTS: opened.attempts} if opened.attempts else {}
    if opened.waited_s:
        attributes[Own.WAITED_S] = opened.waited_s
    if opened.first_chunk_s is not None:
        attributes |= {GenAI.REQUEST_STREAM: True, GenAI.TIME_TO_FIRST_CHUNK: opened.first_chunk_s}
    return attributes


def _of_reply(event: LLMCallCompleted, response_model: str) -> Attributes:
    attributes: Attributes = {GenAI.FINISH_REASONS: (event.finish_reason,)}
    if event.response_id:
        attributes[GenAI.RESPONSE_ID] = sound(event.response_id)
    if response_model:
        attributes[GenAI.RESPONSE_MODEL] = response_model
    if event.cost_usd is not None:
        attributes[Own.COST_USD] = event.cost_usd
    return attributes


def _used(usage: Usage) -> dict[str, int]:
    """Return the tokens of a call by the names of their attributes; none where the provider did not say."""
    used: dict[str, int] = {}
    if usage.prompt_tokens or usage.completion_tokens:
        used = {GenAI.INPUT_TOKENS: usage.prompt_tokens, GenAI.OUTPUT_TOKENS: usage.completion_tokens}
    if usage.cached_prompt_tokens:
        used[GenAI.CACHE_READ] = usage.cached_prompt_tokens
    if usage.cache_creation_tokens:
        used[GenAI.CACHE_CREATION] = usage.cache_creation_tokens
    if usage.reasoning_tokens:
        used[GenAI.REASONING] = usage.reasoning_tokens
    return used


def _status(status: int | None) -> Attributes:
    return {} if status is None else {HTTP.STATUS: status}


def _asked_call(event: ToolUsageStarted, run: RunSpans) -> ToolCall | None:
    """Return the call as the model asked for it, with the id that it gave; that is "" where it asked in text."""
    calls = run.asked.get(parent_of(event.path), ())
    number = event.path.rpartition("-")[2]
    if not number.isdigit() or int(number) >= len(calls):
        return None
    call = calls[int(number)]
    return call if call.arguments == event.arguments else None


def _description(call: ToolCall, agent: OpenAgent | None) -> str:
    tools = () if agent is None else agent.tools
    return next((tool.description for tool in tools if tool.name == call.name), "")
