from __future__ import annotations

import re
import subprocess
import sys

import pytest

from aiocrew.cli import bench
from tests.cli.scenes import Command, Provider


def test_both_times_and_the_speed_up_are_told(aiocrew: Command) -> None:
    done = aiocrew("bench", "--crews", "4", "--model", "offline/50ms")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == [
        "Crews",
        "Parallel",
        "Sequential",
        "Speed-up",
        "Calls",
        "Tokens",
        "Failures",
    ]
    assert re.search(r"^Parallel: +\d+\.\d\d s$", done.stdout, re.M)
    assert re.search(r"^Sequential: +\d+\.\d\d s$", done.stdout, re.M)
    assert re.search(r"^Calls: +4, \d+ a second, at most 4 in flight$", done.stdout, re.M)
    assert re.search(r"^Failures: +0$", done.stdout, re.M)


def test_the_sequential_half_can_be_left_out(aiocrew: Command) -> None:
    done = aiocrew("bench", "--crews", "200", "--model", "offline/2s", "--no-sequential")
    assert "at most 200 in flight" in done.stdout
    assert re.search(r"^Sequential: +not run$", done.stdout, re.M)
    assert "Speed-up" not in done.stdout


def test_of_many_crews_a_sample_runs_one_after_another(aiocrew: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "_SEQUENTIAL_S", 0.0)
    done = aiocrew("bench", "--crews", "50", "--model", "offline/10ms")
    assert re.search(r"^Sequential: .*\(the first 1 took \d+\.\d\d s; scaled up\)$", done.stdout, re.M)


def test_failures_are_isolated_and_counted_by_kind(aiocrew: Command, provider: Provider) -> None:
    refused = {"crew-1 ": (400, "bad \x1b]crew"), "crew-2 ": (401, "who are you"), "crew-5 ": (400, "bad crew")}
    provider.answer = lambda body: next((says for crew, says in refused.items() if crew in body), (200, "done"))
    done = aiocrew("bench", "--crews", "8", "--model", "openai/some", **provider.variables)
    assert (done.returncode, done.stderr) == (1, "")
    assert re.search(r"^Failures: +3\n +2 x BadRequestError, .*\n +1 x AuthenticationError, .*\n$", done.stdout, re.M)
    assert "\x1b" not in done.stdout
    assert "Calls:       5," in done.stdout
    assert "no fair comparison" in done.stdout


def test_where_every_crew_fails_there_is_no_second_half(aiocrew: Command, provider: Provider) -> None:
    asked: list[str] = []

    def refuse(body: str) -> tuple[int, str]:
        asked.append(body)
        return 401, "wrong key"

    provider.answer = refuse
    done = aiocrew("bench", "--model", "openai/some", **provider.variables)
    assert (done.returncode, len(asked)) == (1, 4)
    assert "not run, because every crew failed" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_it_may_open_as_many_files_as_the_system_allows() -> None:
    program = (
        "import resource\nfrom aiocrew.cli import main\n"
        "_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))\n"
        "main(['bench', '--model', 'offline/instant'])\n"
        "assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
