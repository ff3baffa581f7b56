"""The reader of events that makes spans and metrics of them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from opentelemetry.metrics import MeterProvider, get_meter
from opentelemetry.trace import TracerProvider, get_tracer

from aiocrew.seeing.otel.call_spans import CallHandlers
from aiocrew.seeing.otel.instruments import Instruments
from aiocrew.seeing.otel.names import SCHEMA_URL
from aiocrew.seeing.otel.open_spans import RunSpans
from aiocrew.seeing.otel.run_spans import RunHandlers
from aiocrew.seeing.otel.tracing import Tracing
from aiocrew.types.events import BEGINNINGS_OF_RUNS, Event
from aiocrew.version import __version__

__all__ = ["SpanReader"]

_logger = logging.getLogger("aiocrew.otel")


class SpanReader:
    """Implements EventSink. It returns at once, in so far as the application's span processors do."""

    def __init__(
        self,
        tracer_provider: TracerProvider | None,
        meter_provider: MeterProvider | None,
        *,
        content: bool,
        chunks: bool = False,
    ) -> None:
        tracer = get_tracer("aiocrew", __version__, tracer_provider, SCHEMA_URL)
        meter = get_meter("aiocrew", __version__, meter_provider, SCHEMA_URL)
        self._tracing = Tracing(tracer, Instruments(meter), content=content)
        runs = RunHandlers(self._tracing)
        self._begun = runs.begun
        self._handlers: dict[type[Any], Callable[[Any, RunSpans], None]] = {
            **runs.table(),
            **CallHandlers(self._tracing, chunks=chunks).table(),
        }

    @property
    def under_way(self) -> int:
        """How many runs have open spans."""
        return len(self._tracing.runs)

    def emit(self, event: Event) -> None:
        """Begin or end the span that `event` is about; what fails at that goes to the log, and harms no run."""
        try:
            handler = self._handlers.get(type(event))
            if handler is None:
                if isinstance(event, BEGINNINGS_OF_RUNS):
                    self._begun(event)
                return
            run = self._tracing.runs.get(event.run_id)
            if run is not None:
                run.last_s = event.wall_s
                handler(event, run)
        except Exception:  # the border of the application's code: a span processor, an exporter, a sampler
            _logger.exception("no span could be made of a %s", type(event).__name__)

    def close(self) -> None:
        """End the spans of runs that were cut off; those under way are traced to their end."""
        self._tracing.end_abandoned()
