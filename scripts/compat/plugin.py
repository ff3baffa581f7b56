"""The pytest plugin of a process that runs CrewAI's tests: gives each test its recorded replies, and writes reports."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scripts.compat import stand_ins
from scripts.compat.replies import RecordedReplies, read_recording, stay_on_this_machine

__all__: list[str] = []

_REPLIES = pytest.StashKey[RecordedReplies]()
_FACTS = pytest.StashKey[dict[str, Any]]()

_uncollected: dict[str, str] = {}
"""The files that could not be collected, and why."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--reports", help="the file that gets a line of JSON for every test")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "vcr: the test has recorded replies")
    replies = config.stash[_REPLIES] = RecordedReplies()
    stay_on_this_machine(replies.port)
    for variable in ("OPENAI_BASE_URL", "OPENAI_API_BASE"):
        os.environ[variable] = f"http://127.0.0.1:{replies.port}/v1"
    stand_ins.put_up()


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[_REPLIES].close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Serve the test's recording. A test that asks for more than was recorded has not passed, whatever it says."""
    replies = item.config.stash[_REPLIES]
    recorded = read_recording(item.path.parent / "cassettes" / f"{item.name}.yaml")
    replies.offer(recorded)
    facts = item.stash[_FACTS] = {"recorded": len(recorded), "asked": 0}
    before = dict(os.environ)
    try:
        yield
    except Exception as error:
        if recorded and replies.asked > len(recorded):
            error.add_note(_too_many(replies.asked, len(recorded)))
        raise
    finally:
        facts["asked"] = replies.asked
        os.environ.clear()
        os.environ.update(before)
    if recorded and replies.asked > len(recorded):
        pytest.fail(_too_many(replies.asked, len(recorded)), pytrace=False)


def _too_many(asked: int, recorded: int) -> str:
    return f"{asked} requests for {recorded} recorded replies"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.when == "call" or report.outcome != "passed":
        facts = item.stash.get(_FACTS, {"recorded": 0, "asked": 0})
        _write(item.config, {"id": item.nodeid, "passed": report.passed, "fault": _fault(report), **facts})
    return report


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _uncollected[report.nodeid] = _fault(report)


def pytest_sessionfinish(session: pytest.Session) -> None:
    for nodeid, fault in _uncollected.items():
        _write(session.config, {"id": nodeid, "passed": False, "fault": fault, "recorded": 0, "asked": 0})


def _fault(report: Any) -> str:
    """Return the lines that say why, or "" for a report that has nothing to say."""
    lines = [line[1:].strip() for line in str(report.longreprtext).splitlines() if line.startswith("E ")]
    return " ".join(lines) or str(report.longreprtext)[-300:]


def _write(config: pytest.Config, line: dict[str, Any]) -> None:
    with Path(config.getoption("--reports")).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
