"""The part of the pytest plugin that fails tests whose runs hardly overlap."""

# Like the plugin it loads in every run of pytest: whatever it needs of aiocrew, it imports when it is used.

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, cast

import pytest

if TYPE_CHECKING:
    from aiocrew.seeing.observation import Observation
    from aiocrew.seeing.report import OverlapReport

__all__ = ["observed"]

_MARKER, _OPTION = "aiocrew_overlap", "--aiocrew-least-overlap"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("aiocrew", "crews of AI agents").addoption(
        _OPTION,
        type=float,
        metavar="X",
        help=f"the least overlap of tests with the marker {_MARKER}, where that names none: how many calls of models "
        "and tools were in flight on average",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(least=None): the runs of the test must overlap that much, or as {_OPTION} says; it fails with the "
        "report of what kept them from it",
    )


@pytest.fixture(name="overlap")
def observed() -> Generator[Observation]:
    """Observe the test's runs: `overlap.report()` says how well they overlapped."""
    from aiocrew.seeing.observation import observe

    with observe() as seen:
        yield seen


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    marker = item.get_closest_marker(_MARKER)
    if marker is None:
        return (yield)
    stated = _stated(marker, item)
    least = cast("float | None", item.config.getoption(_OPTION)) if stated is None else stated
    if least is None:
        return (yield)
    from aiocrew.seeing.observation import observe

    with observe() as seen:
        result = yield
    report = seen.report()
    if report.overlap < least and (report.runs or stated is not None):
        pytest.fail(_failure(item, report, least), pytrace=False)
    return result


def _stated(marker: pytest.Mark, item: pytest.Item) -> float | None:
    """Return the least overlap that the marker names itself."""
    try:
        stated = _least(*marker.args, **marker.kwargs)
    except TypeError:
        pytest.fail(f"{item.nodeid}: the marker is {_MARKER}(least=5.0), or {_MARKER} alone", pytrace=False)
    if stated is not None and (isinstance(stated, bool) or not isinstance(stated, int | float)):
        pytest.fail(f"{item.nodeid}: {_MARKER}(least={stated!r}) must be a number", pytrace=False)
    return stated


def _least(least: object = None) -> object:
    return least


def _failure(item: pytest.Item, report: OverlapReport, least: float) -> str:
    return f"{item.nodeid}: the overlap was {report.overlap:.1f}, and should be {least:g} at least\n\n{report}"
