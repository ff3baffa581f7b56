"""The marker and the option with a least overlap, in runs of pytest of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testing.test_plugin import Ran, run_pytest

RUNS = """
import asyncio
import pytest

def crews():
    return [crew("offline/300ms", goal=f"g{number}") for number in range(4)]

async def side_by_side():
    await asyncio.gather(*[one.kickoff_async() for one in crews()])

async def in_turn():
    for one in crews()[:2]:
        await one.kickoff_async()
"""
SYNC = f"""
{RUNS}
@pytest.mark.aiocrew_overlap(least=1.2)
def test_side_by_side():
    asyncio.run(side_by_side())

@pytest.mark.aiocrew_overlap(least=1.2)
def test_in_turn():
    asyncio.run(in_turn())

@pytest.mark.aiocrew_overlap(least=2)
def test_idle():
    pass

@pytest.mark.aiocrew_overlap(least=2)
def test_wrong():
    assert 1 == 2

@pytest.mark.aiocrew_overlap(most=5)
def test_marked_with_another_name():
    pass

@pytest.mark.aiocrew_overlap(least="5")
def test_marked_with_a_text():
    pass
"""
VIRTUAL = f"""
{RUNS.replace("300ms", "2s")}
@pytest.mark.aiocrew_overlap(least=3.9)
async def test_side_by_side(virtual_time, overlap):
    await side_by_side()
    assert overlap.report().overlap == pytest.approx(4)
    assert virtual_time() == pytest.approx(2)

@pytest.mark.aiocrew_overlap
async def test_in_turn(virtual_time):
    await in_turn()

@pytest.mark.aiocrew_overlap(least=0.1)
async def test_with_a_figure_of_its_own(virtual_time):
    await in_turn()

@pytest.mark.aiocrew_overlap
def test_idle():
    pass

async def test_without_the_marker(virtual_time):
    await in_turn()
"""
ALONE = """
import sys

def test_alone():
    assert "aiocrew.seeing.observation" not in sys.modules
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sync")


@pytest.fixture(scope="module")
def sync(folder: Path) -> Ran:
    return run_pytest(folder, SYNC)


def _told(ran: Ran, test: str) -> str:
    """Return what is told of the failure of a test."""
    sections = ran.output.split(f" {test} ")
    assert len(sections) == 2, ran.output
    return sections[1].split("\n___")[0].split("\n===")[0]


def test_runs_that_overlap_as_asked_pass(sync: Ran) -> None:
    assert (sync.passed, sync.errors) == (1, 0), sync.output
    assert "test_it.py::test_side_by_side" not in sync.output


def test_runs_that_hardly_overlap_fail_with_the_report(sync: Ran, folder: Path) -> None:
    told = _told(sync, "test_in_turn")
    assert "test_it.py::test_in_turn: the overlap was " in told
    assert ", and should be 1.2 at least" in told
    line = (folder / "test_it.py").read_text().splitlines().index("    for one in crews()[:2]:") + 1
    assert f"test_it.py:{line} in in_turn" in told
    assert "awaited-in-turn" in told


def test_a_test_that_states_a_figure_has_to_make_runs(sync: Ran) -> None:
    assert "No run was seen" in _told(sync, "test_idle")


def test_what_a_test_itself_raises_is_its_failure(sync: Ran) -> None:
    told = _told(sync, "test_wrong")
    assert "assert 1 == 2" in told
    assert "the overlap was" not in told


@pytest.mark.parametrize("test", ["test_marked_with_another_name", "test_marked_with_a_text"])
def test_a_wrong_marker_says_what_it_should_be(sync: Ran, test: str) -> None:
    assert "aiocrew_overlap(least=" in _told(sync, test)


def test_the_option_is_for_marked_tests_that_state_no_figure(tmp_path: Path) -> None:
    ran = run_pytest(tmp_path, VIRTUAL, "--aiocrew-least-overlap", "1.1")
    assert (ran.passed, ran.failed, ran.errors) == (4, 1, 0), ran.output
    assert "the overlap was 1.0, and should be 1.1 at least" in _told(ran, "test_in_turn")


def test_without_the_option_such_a_test_is_not_held_to_anything(tmp_path: Path) -> None:
    ran = run_pytest(tmp_path, f"{VIRTUAL}\n{ALONE}", "-k", "test_in_turn or test_alone", "-p", "no:randomly")
    assert (ran.passed, ran.failed, ran.errors) == (2, 0, 0), ran.output


@pytest.mark.parametrize("plugins", ["asyncio", "anyio"])
def test_async_tests_are_observed_whoever_runs_them(tmp_path: Path, plugins: str) -> None:
    test = f"""
{RUNS}
pytestmark = [pytest.mark.aiocrew_overlap(1.2), pytest.mark.{plugins}]

@pytest.fixture
def anyio_backend():
    return "asyncio"

async def test_side_by_side():
    await side_by_side()

async def test_in_turn():
    await in_turn()
"""
    ran = run_pytest(tmp_path, test, plugins=plugins)
    assert (ran.passed, ran.failed, ran.errors) == (1, 1, 0), ran.output
    assert "awaited-in-turn" in _told(ran, "test_in_turn")
