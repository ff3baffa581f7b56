from __future__ import annotations

import re
from pathlib import Path

from aiocrew.cli.demo_crews import research_jobs
from aiocrew.crew.crew import Crew
from tests.cli.scenes import Command, Provider


def test_on_a_pipe_progress_is_plain_lines_and_the_result_a_table(aiocrew: Command) -> None:
    done = aiocrew("demo", "--crews", "2", "--latency", "0.01")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr
    for answer in ("SQLite keeps a whole database in one file", "asyncio came with Python 3.4"):
        assert answer in done.stdout
    assert re.search(r"^One after another +\d+\.\d\d s +\(measured", done.stdout, re.M)
    assert re.search(r"^At once +\d+\.\d\d s", done.stdout, re.M)
    assert re.search(r"^Speed-up +\d+\.\d x$", done.stdout, re.M)
    assert "The offline model is a stand-in" in done.stdout
    lines = done.stderr.splitlines()
    assert lines[0] == "2 crews at once on offline/0.010s:"
    assert {"SQLite: Researcher begins", "asyncio: Reader begins", "asyncio: Statistician begins"} < set(lines)
    assert [line for line in lines if line.startswith("asyncio: done (5 calls, ")]


def test_a_page_shows_the_crews_that_ran_at_once(aiocrew: Command, tmp_path: Path) -> None:
    page = tmp_path / "lanes.html"
    done = aiocrew("demo", "--crews", "2", "--latency", "0.01", "--html", str(page))
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == f"The crews at once, as a page: {page}"
    shown = page.read_text(encoding="utf-8")
    assert "<title>aiocrew demo" in shown
    assert '"report":{"runs":2,' in shown
    assert "SQLite" in shown


def test_a_page_that_cannot_be_written_is_said_before_the_work(aiocrew: Command, tmp_path: Path) -> None:
    done = aiocrew("demo", "--html", str(tmp_path / "nowhere" / "lanes.html"))
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"aiocrew: --html .*: there is no folder .*\n", done.stderr)


def test_what_does_not_fit_the_patience_is_summed_up(aiocrew: Command) -> None:
    done = aiocrew("demo", "--crews", "60", "--latency", "0")
    assert done.returncode == 0
    assert "(the sum of the runs' own durations)" in done.stdout
    assert "and 36 crews more" in done.stdout
    assert "SQLite (2)" in done.stdout


def test_a_real_model_is_asked_once_and_its_reply_cannot_drive_the_terminal(
    aiocrew: Command, provider: Provider
) -> None:
    provider.answer = lambda body: (200, "fine \x1b[2J\nand [bold]well[/bold]")
    done = aiocrew("demo", "--crews", "1", "--model", "openai/some", **provider.variables)
    assert (done.returncode, done.stderr.count("begins")) == (0, 2)
    assert r"fine \x1b[2J and [bold]well[/bold]" in done.stdout
    assert "the sum of the runs' own durations" in done.stdout
    assert "offline" not in done.stdout


def test_a_crew_that_fails_leaves_the_others_whole(aiocrew: Command, provider: Provider) -> None:
    provider.answer = lambda body: (400, "no SQLite here") if "SQLite" in body else (200, "- fine")
    done = aiocrew("demo", "--crews", "2", "--model", "openai/some", **provider.variables)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "- fine" in done.stdout
    assert re.search(r"^Failed +1 of 2 crews$", done.stdout, re.M)
    assert re.search(r"SQLite: failed: .*no SQLite here", done.stderr)


def test_jobs_take_turns_between_two_shared_crews() -> None:
    jobs = research_jobs(10, "offline/instant")
    crews: list[Crew] = [job.crew for job in jobs]
    assert [len(crew.agents) for crew in crews] == [2, 3] * 5
    assert len({id(crew) for crew in crews}) == 2
    assert len({job.name for job in jobs}) == 10
