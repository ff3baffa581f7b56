"""What OpenTelemetry's SDK was given, in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Coroutine
from typing import Any, TypeVar

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from aiocrew.seeing.otel import Instrumentation, instrument
from tests.doubles import on_virtual_time

__all__ = ["Traces", "virtually"]

T = TypeVar("T")


def virtually(work: Coroutine[Any, Any, T]) -> T:
    """Return what `work` gives, on virtual time."""

    async def main() -> T:
        return await work

    return on_virtual_time(main)


class Traces:
    """Providers, and what came out of them."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracer_provider = TracerProvider(shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.meter_provider = MeterProvider([self._reader], shutdown_on_exit=False)
        self.tracer = self.tracer_provider.get_tracer("application")

    def on(self, **options: Any) -> Instrumentation:
        return instrument(tracer_provider=self.tracer_provider, meter_provider=self.meter_provider, **options)

    @property
    def spans(self) -> list[ReadableSpan]:
        """Those that ended, in the order in which they ended."""
        return list(self._exporter.get_finished_spans())

    def named(self, name: str) -> ReadableSpan:
        """Return the only span of this name."""
        found = [span for span in self.spans if span.name == name]
        assert len(found) == 1, (name, self.tree())
        return found[0]

    def parent(self, span: ReadableSpan) -> str:
        """Return the name of a span's parent, "" for none."""
        if span.parent is None:
            return ""
        return next((other.name for other in self.spans if other.context.span_id == span.parent.span_id), "?")

    def tree(self) -> list[str]:
        """Return the spans as lines, indented below their parents, in the order in which they began."""
        lines: list[str] = []

        def walk(parent: int | None, depth: int) -> None:
            below = [span for span in self.spans if (span.parent.span_id if span.parent else None) == parent]
            for span in sorted(below, key=lambda span: (span.start_time, span.attributes.get("aiocrew.path", ""))):
                lines.append("  " * depth + span.name)
                walk(span.context.span_id, depth + 1)

        walk(None, 0)
        assert len(lines) == len(self.spans), "a parent is missing"
        return lines

    def names(self) -> Counter[str]:
        return Counter(span.name for span in self.spans)

    def points(self, metric: str) -> list[Any]:
        """Return a metric's data points."""
        data = self._reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for found in scope.metrics
            if found.name == metric
            for point in found.data.data_points
        ]

    def units(self) -> dict[str, str]:
        data = self._reader.get_metrics_data()
        return {
            found.name: found.unit
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for found in scope.metrics
        }

    def all_text(self) -> str:
        """Return all that leaves the process, as text."""
        data = self._reader.get_metrics_data()
        return "\n".join([*(span.to_json() for span in self.spans), "" if data is None else data.to_json()])

    def close(self) -> None:
        self.tracer_provider.shutdown()
        self.meter_provider.shutdown()
