"""A provider on loopback, to which the default model and the search tool lead."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.loopback import LoopbackProvider


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackProvider]:
    with LoopbackProvider() as provider:
        for name, value in provider.variables.items():
            monkeypatch.setenv(name, value)
        yield provider
