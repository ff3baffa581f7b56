"""OpenTelemetry spans and metrics of all runs, by the semantic conventions for generative AI: the extra `otel`."""

from __future__ import annotations

from aiocrew.seeing.otel.instrumentation import Instrumentation, instrument

__all__ = ["Instrumentation", "instrument"]
