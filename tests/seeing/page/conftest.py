"""One Chromium for all tests of the page."""

from __future__ import annotations

import pytest

from tests.browser import browser

__all__ = ["browser", "pytest_collection_modifyitems"]

INSTALLING_S = 600
"""The first test that asks for the browser may have to wait for its installation."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(INSTALLING_S))
