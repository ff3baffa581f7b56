"""The spans of runs, of methods of flows and of agents, and what happens between their calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aiocrew.seeing.otel import content
from aiocrew.seeing.otel.failures import Failure, failure_of
from aiocrew.seeing.otel.names import GenAI, Own, one_line, sound
from aiocrew.seeing.otel.open_spans import OpenAgent, OpenSpan, RunSpans
from aiocrew.seeing.otel.tracing import Attributes, Opening, Tracing
from aiocrew.types.events import (
    AgentExecutionCompleted,
    AgentExecutionError,
    AgentExecutionStarted,
    CallbackCompleted,
    CallbackFailed,
    CallbackStarted,
    CrewKickoffCompleted,
    CrewKickoffFailed,
    FlowFailed,
    FlowFinished,
    FlowStarted,
    HumanFeedbackReceived,
    HumanFeedbackRequested,
    LiteAgentExecutionCompleted,
    LiteAgentExecutionError,
    LiteAgentExecutionStarted,
    LLMGuardrailCompleted,
    LLMGuardrailStarted,
    MethodExecutionFailed,
    MethodExecutionFinished,
    MethodExecutionStarted,
    ReplyRepaired,
    TaskStarted,
)
from aiocrew.types.paths import child

__all__ = ["RunHandlers"]

_Began = CallbackStarted | HumanFeedbackRequested | LLMGuardrailStarted
_Completed = CrewKickoffCompleted | FlowFinished | LiteAgentExecutionCompleted
_Failed = CrewKickoffFailed | FlowFailed | LiteAgentExecutionError


class RunHandlers:
    """What is done at each event of a run that no call is about."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing

    def table(self) -> Mapping[type[Any], Callable[[Any, RunSpans], None]]:
        """Return which function serves which events."""
        return {
            CrewKickoffCompleted: self.completed,
            CrewKickoffFailed: self.failed,
            FlowFinished: self.completed,
            FlowFailed: self.failed,
            LiteAgentExecutionCompleted: self.completed,
            LiteAgentExecutionError: self.failed,
            MethodExecutionStarted: self.method_started,
            MethodExecutionFinished: self.method_finished,
            MethodExecutionFailed: self.method_failed,
            TaskStarted: self.task_started,
            AgentExecutionStarted: self.agent_started,
            AgentExecutionCompleted: self.agent_completed,
            AgentExecutionError: self.agent_failed,
            LLMGuardrailStarted: self.step_began,
            LLMGuardrailCompleted: self.guardrail_completed,
            CallbackStarted: self.step_began,
            CallbackCompleted: self.callback_ended,
            CallbackFailed: self.callback_ended,
            HumanFeedbackRequested: self.step_began,
            HumanFeedbackReceived: self.human_answered,
            ReplyRepaired: self.reply_repaired,
        }

    # Runs

    def begun(self, event: Opening) -> None:
        if isinstance(event, LiteAgentExecutionStarted):
            name = one_line(event.agent)
            self._tracing.begin_run(event, f"invoke_agent {name}", _of_agent(name), OpenAgent)
            return
        is_flow = isinstance(event, FlowStarted)
        name = one_line(event.flow if is_flow else event.crew)
        attributes: Attributes = {
            GenAI.OPERATION: "invoke_workflow",
            GenAI.WORKFLOW: name,
            Own.WORKFLOW_KIND: "flow" if is_flow else "crew",
        }
        _, opened = self._tracing.begin_run(event, f"invoke_workflow {name}", attributes, OpenSpan)
        if self._tracing.content and event.inputs and opened.span.is_recording():
            opened.span.set_attribute(GenAI.INPUT_MESSAGES, content.inputs_as_message(event.inputs))

    def completed(self, event: _Completed, run: RunSpans) -> None:
        root = self._tracing.end_run(event, None)
        if root is not None:
            self._end(root, event.wall_s, None, event.output)

    def failed(self, event: _Failed, run: RunSpans) -> None:
        failure = failure_of(event.error, cancelled=event.cancelled)
        root = self._tracing.end_run(event, failure)
        if root is not None:
            self._end(root, event.wall_s, failure)

    def _end(self, opened: OpenSpan, wall_s: float, failure: Failure | None, output: str | None = None) -> None:
        """End the span of a run or of an agent, with what is known of the whole only now."""
        instruments, seconds, span = self._tracing.instruments, wall_s - opened.began_s, opened.span
        if isinstance(opened, OpenAgent):
            instruments.agent(opened, seconds, failure)
            span.set_attributes(opened.used)
            if opened.finish_reason is not None:
                span.set_attribute(GenAI.FINISH_REASONS, (opened.finish_reason,))
        else:
            instruments.workflow(opened, seconds, failure)
        if output is not None and self._tracing.content and span.is_recording():
            span.set_attribute(GenAI.OUTPUT_MESSAGES, content.output(output))
        self._tracing.end(opened, wall_s, failure)

    # Methods of flows

    def method_started(self, event: MethodExecutionStarted, run: RunSpans) -> None:
        name = f"{one_line(event.flow)}.{event.method}"
        self._tracing.begin(event, run, name, event.method, {Own.METHOD: event.method}, OpenSpan)

    def method_finished(self, event: MethodExecutionFinished, run: RunSpans) -> None:
        opened = run.take(event.path)
        if opened is not None:
            self._tracing.end(opened, event.wall_s)

    def method_failed(self, event: MethodExecutionFailed, run: RunSpans) -> None:
        opened = run.take(event.path)
        if opened is not None:
            self._tracing.end(opened, event.wall_s, failure_of(event.error))

    # Agents

    def task_started(self, event: TaskStarted, run: RunSpans) -> None:
        if self._tracing.content:  # a task without a name is called by how its description begins
            run.tasks[event.path] = event.task

    def agent_started(self, event: AgentExecutionStarted, run: RunSpans) -> None:
        if run.is_solo and event.path == child(run.root, "agent"):
            return  # the run's span is this agent's already
        name = one_line(event.agent)
        attributes = _of_agent(name)
        task = run.tasks.pop(event.path, None)
        if task is not None:
            attributes[Own.TASK] = sound(task)
        self._tracing.begin(event, run, f"invoke_agent {name}", name, attributes, OpenAgent)

    def agent_completed(self, event: AgentExecutionCompleted, run: RunSpans) -> None:
        opened = run.take(event.path)
        if opened is not None:
            self._end(opened, event.wall_s, None, event.output)

    def agent_failed(self, event: AgentExecutionError, run: RunSpans) -> None:
        opened = run.take(event.path)
        if opened is not None:
            self._end(opened, event.wall_s, failure_of(event.error, cancelled=event.cancelled))

    # What is an event of a span, and no span: there is a lot of it, and mostly it takes no time.

    def step_began(self, event: _Began, run: RunSpans) -> None:
        run.began[event.path] = event.wall_s

    def guardrail_completed(self, event: LLMGuardrailCompleted, run: RunSpans) -> None:
        attributes = {Own.OK: event.ok, **_duration(event, run)}
        if self._tracing.content:  # a rule in words is called by its task, and that by its description
            attributes |= {Own.NAME: sound(event.guardrail), Own.REASON: sound(event.reason)}
        self._tracing.note(event, run, Own.GUARDRAIL, attributes)

    def callback_ended(self, event: CallbackCompleted | CallbackFailed, run: RunSpans) -> None:
        attributes = {Own.NAME: event.callback, **_duration(event, run)}
        if isinstance(event, CallbackFailed):
            attributes[GenAI.ERROR_TYPE] = failure_of(event.error).type
        self._tracing.note(event, run, Own.CALLBACK, attributes)

    def human_answered(self, event: HumanFeedbackReceived, run: RunSpans) -> None:
        attributes = {Own.OK: not event.feedback, **_duration(event, run)}
        self._tracing.note(event, run, Own.HUMAN, attributes)

    def reply_repaired(self, event: ReplyRepaired, run: RunSpans) -> None:
        attributes: Attributes = {Own.REASON: sound(event.problem)} if self._tracing.content else {}
        self._tracing.note(event, run, Own.REPAIRED, attributes)


def _of_agent(name: str) -> Attributes:
    return {GenAI.OPERATION: "invoke_agent", GenAI.AGENT: name}


def _duration(event: Any, run: RunSpans) -> Attributes:
    began_s = run.began.pop(event.path, None)
    return {} if began_s is None else {Own.DURATION_S: event.wall_s - began_s}
