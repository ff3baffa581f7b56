"""Switching OpenTelemetry on and off."""

from __future__ import annotations

import logging
import os
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from aiocrew.aio.runtime import local_runtime
from aiocrew.errors import UsageError
from aiocrew.seeing.recorder import reading
from aiocrew.types.context import everywhere as all_readers

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from aiocrew.seeing.otel.reader import SpanReader

__all__ = ["Instrumentation", "instrument"]

_DISABLED: Final = "OTEL_SDK_DISABLED"
_CONTENT: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_CONTENT_ON_SPANS: Final = frozenset({"true", "span_only", "span_and_event"})
"""What that variable may say, in the way of OpenTelemetry's own instrumentations."""
_logger = logging.getLogger("aiocrew.otel")


class Instrumentation:
    """Tracing that is switched on; as a context manager, until the block ends."""

    def __init__(self, reader: SpanReader | None, block: AbstractContextManager[None] | None) -> None:
        self._reader = reader
        self._block = block
        if block is not None:
            block.__enter__()
            _switched_on.add(self)

    @property
    def under_way(self) -> int:
        """How many runs are traced at this moment."""
        return 0 if self._reader is None else self._reader.under_way

    def uninstrument(self) -> None:
        """Trace no run that begins from now on; those under way are traced to their end. Twice is as once."""
        block, self._block = self._block, None
        _switched_on.discard(self)
        if block is not None and self._reader is not None:
            block.__exit__(None, None, None)
            self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.uninstrument()


_switched_on: set[Instrumentation] = set()
"""Who calls `instrument()` and keeps nothing of it means it to last: the block would end with what holds it."""


def instrument(
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    content: bool | None = None,
    chunks: bool = False,
    everywhere: bool = True,
) -> Instrumentation:
    """Make OpenTelemetry spans and metrics of every run that begins from now on.

    tracer_provider, meter_provider: in place of the global ones, which may also be set later.
    content: prompts, replies, inputs, outputs, tools' arguments and results, and the messages of errors go out as well.
        None asks OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT, which says no unless it is set.
    chunks: the time between the pieces of streamed replies is measured as well, at some 0.01 ms of CPU a piece.
    everywhere: of every run of the process. False is those that are made from here on in the current task or thread,
        where it is to be switched off again.

    A run is traced once: where tracing is switched on already it stays as it is, a warning goes to the log, and what is
    returned ends nothing. With OTEL_SDK_DISABLED=true nothing is traced.

    Raises UsageError when opentelemetry-api is not installed.
    """
    try:
        # Here, because it is an extra, and who does not trace neither has nor loads it.
        from aiocrew.seeing.otel.reader import SpanReader
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "opentelemetry":
            raise
        raise UsageError('tracing needs OpenTelemetry: pip install "aiocrew[otel]"') from error
    if _said(_DISABLED) == "true":
        return Instrumentation(None, None)
    # Two readers would each make their span the current one, and the later one lay the other's below its own.
    readers = (*all_readers(), *local_runtime().sinks)
    if any(isinstance(reader, SpanReader) for reader in readers) or (everywhere and _switched_on):
        _logger.warning("tracing is switched on already and stays as it is: to change it, uninstrument() it first")
        return Instrumentation(None, None)
    shows = _said(_CONTENT) in _CONTENT_ON_SPANS if content is None else content
    reader = SpanReader(tracer_provider, meter_provider, content=shows, chunks=chunks)
    return Instrumentation(reader, reading(reader, everywhere=everywhere))


def _said(variable: str) -> str:
    return os.environ.get(variable, "").strip().lower()
