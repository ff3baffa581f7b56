"""Beginning and ending spans, under the right parent and at the time that the events tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from opentelemetry import context as contexts
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, get_current_span
from opentelemetry.util.types import AttributeValue

from aiocrew.seeing.otel.failures import Failure
from aiocrew.seeing.otel.instruments import Instruments
from aiocrew.seeing.otel.names import GenAI, Own
from aiocrew.seeing.otel.open_spans import OpenAgent, OpenSpan, Runs, RunSpans
from aiocrew.types.events import CrewKickoffStarted, Event, FlowStarted, LiteAgentExecutionStarted
from aiocrew.types.paths import Path

__all__ = ["Attributes", "Opening", "Tracing", "nanoseconds", "parent_of"]

Attributes = dict[str, AttributeValue]
Opening = CrewKickoffStarted | FlowStarted | LiteAgentExecutionStarted
"""What a run begins with."""
OpenSpanT = TypeVar("OpenSpanT", bound=OpenSpan)

_A_SECOND: Final = 1_000_000_000


def nanoseconds(wall_s: float) -> int:
    """Return seconds since the epoch as OpenTelemetry counts them."""
    return int(wall_s * _A_SECOND)


def parent_of(path: Path) -> Path:
    """Return the path that `path` stands below; "" for the first one."""
    return Path(path.rpartition("/")[0])


class Tracing:
    """The spans of all runs, and where they go."""

    def __init__(self, tracer: Tracer, instruments: Instruments, *, content: bool) -> None:
        self._tracer = tracer
        self.instruments = instruments
        self.content = content
        """Whether prompts, replies, arguments, results and the messages of errors go out."""
        self.runs = Runs()

    def begin_run(
        self, event: Opening, name: str, attributes: Attributes, kind: type[OpenSpan]
    ) -> tuple[RunSpans, OpenSpan]:
        """Begin the span of a run: below the application's current span, which inside a tool is the tool's."""
        run = RunSpans(event.path, is_solo=isinstance(event, LiteAgentExecutionStarted))
        context = contexts.get_current()
        outer = self.runs.get(event.outer)
        above = None if outer is None else outer.above(event.path)
        if above is not None and not get_current_span(context).get_span_context().is_valid:
            context = above.context
        for abandoned in self.runs.add(event.run_id, run):
            self._abandon(abandoned)
        span = self._span(event, name, attributes, context, SpanKind.INTERNAL)
        opened = kind(span, context, event.wall_s, _subject(event), above, None)
        run.open[event.path] = opened
        return run, opened

    def begin(
        self,
        event: Event,
        run: RunSpans,
        name: str,
        subject: str,
        attributes: Attributes,
        opened_as: type[OpenSpanT],
        span_kind: SpanKind = SpanKind.INTERNAL,
        **details: Any,
    ) -> OpenSpanT:
        """Begin a span below that of its run which is next above by path, and make it the current one."""
        above = run.above(parent_of(event.path))
        context = contexts.get_current() if above is None else above.context
        span = self._span(event, name, attributes, context, span_kind)
        agent = above if isinstance(above, OpenAgent) or above is None else above.agent
        opened = opened_as(span, context, event.wall_s, subject, above, agent, **details)
        run.open[event.path] = opened
        return opened

    def _span(self, event: Event, name: str, attributes: Attributes, context: contexts.Context, kind: SpanKind) -> Span:
        attributes[Own.RUN_ID] = event.run_id
        attributes[Own.PATH] = event.path
        return self._tracer.start_span(name, context, kind, attributes, start_time=nanoseconds(event.wall_s))

    def end(self, opened: OpenSpan, wall_s: float, failure: Failure | None = None) -> None:
        """End a span that was taken off its run."""
        span = opened.span
        if failure is not None:
            span.set_attribute(GenAI.ERROR_TYPE, failure.type)
            if failure.cancelled:
                span.set_attribute(Own.CANCELLED, True)
            elif opened.is_first_with(failure.message):  # an exception is recorded once, where it was raised
                span.add_event(GenAI.EXCEPTION, self._exception(failure), nanoseconds(wall_s))
            span.set_status(Status(StatusCode.ERROR, failure.message if self.content else None))
        span.end(nanoseconds(wall_s))

    def end_run(self, event: Event, failure: Failure | None) -> OpenSpan | None:
        """Take a run that has ended; return its own span. Whatever else of it is open ends as the run does."""
        run = self.runs.take(event.run_id)
        if run is None:
            return None
        root = run.open.get(run.root)
        for opened in run.take_all():
            if opened is not root:
                self.end(opened, event.wall_s, failure)
        return root

    def end_abandoned(self) -> None:
        """End the spans of runs whose end will never be told."""
        for run in self.runs.take_abandoned():
            self._abandon(run)

    def _abandon(self, run: RunSpans) -> None:
        for opened in reversed(run.open.values()):
            opened.span.set_attribute(Own.ABANDONED, True)
            opened.span.set_status(Status(StatusCode.ERROR))
            opened.span.end(nanoseconds(max(run.last_s, opened.began_s)))

    def note(self, event: Event, run: RunSpans, name: str, attributes: Mapping[str, AttributeValue]) -> None:
        """Add an event to the span that is next above by path."""
        above = run.above(event.path)
        if above is not None:
            noted = {Own.PATH: event.path, **attributes}
            above.span.add_event(name, noted, nanoseconds(event.wall_s))

    def _exception(self, failure: Failure) -> Attributes:
        told: Attributes = {GenAI.EXCEPTION_TYPE: failure.type}
        if self.content:
            told[GenAI.EXCEPTION_MESSAGE] = failure.message
        return told


def _subject(event: Opening) -> str:
    match event:
        case CrewKickoffStarted(crew=name) | FlowStarted(flow=name) | LiteAgentExecutionStarted(agent=name):
            return name
