"""A pipeline of OpenTelemetry's own, in memory, for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.seeing.otel.traces import Traces


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def traces() -> Iterator[Traces]:
    traces = Traces()
    yield traces
    traces.close()
