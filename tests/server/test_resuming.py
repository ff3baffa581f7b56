"""A batch whose process is killed half-way: the second start asks only for what is missing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from aiocrew import LLM, BadRequestError
from tests.server.children import ROOT, environment
from tests.server.crews import crew_for
from tests.server.loopback import Counts, LoopbackProvider, Refusal

INPUTS, AT_ONCE, HALF = 500, 40, 250
POISONED = 35
CREW = """
import os

from aiocrew import LLM
from tests.server.crews import crew_for

# A model of which no price list tells the price: loading one takes longer than all the rest.
crew = crew_for("input {n}", llm=LLM("ollama/some", base_url=os.environ["OPENAI_BASE_URL"]))
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")


def number_of(asked: str) -> int:
    return int(asked.removeprefix("input "))


def refuse_the_poisoned(asked: str) -> Refusal | None:
    return (400, f"poison in {asked}") if number_of(asked) % 100 < 7 else None


class Batch:
    """The command, with its files in a folder."""

    def __init__(self, folder: Path, provider: LoopbackProvider) -> None:
        self._folder = folder
        self._provider = provider
        (folder / "crew.py").write_text(CREW)
        (folder / "inputs.jsonl").write_text("".join(f'{{"n": {n}}}\n' for n in range(INPUTS)))

    @property
    def journal(self) -> Path:
        return self._folder / "batch.sqlite"

    def results(self) -> list[dict[str, Any]]:
        """Return the results in the order of the inputs."""
        lines = (self._folder / "results.jsonl").read_text().splitlines()
        return sorted(map(json.loads, lines), key=lambda result: result["index"])

    @contextmanager
    def started(self, *more: str) -> Iterator[subprocess.Popen[str]]:
        """Start the command; however the block is left, it has ended then."""
        files = [f"{name}={self._folder / file}" for name, file in FILES.items()]
        command = [sys.executable, "-W", "error", "-m", "aiocrew", "run", f"{self._folder / 'crew.py'}:crew", *files]
        child = subprocess.Popen(
            [*command, f"--concurrency={AT_ONCE}", "--quiet", *more],
            cwd=ROOT,
            env=environment(self._provider),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield child
        finally:
            child.kill()
            child.communicate()

    def carried_out(self, *more: str) -> int:
        """Run the command to its end and return how many requests it made; its exit code tells that inputs failed."""
        before = len(self._provider.counts.asked)
        with self.started(*more) as child:
            _, err = child.communicate(timeout=40)
        assert child.returncode == (1 if "failed" in err else 0), err
        assert "Traceback" not in err
        return len(self._provider.counts.asked) - before


FILES = {"--inputs": "inputs.jsonl", "--output": "results.jsonl", "--journal": "batch.sqlite"}


@pytest.fixture
def batch(tmp_path: Path, provider: LoopbackProvider) -> Batch:
    provider.refuse = refuse_the_poisoned
    return Batch(tmp_path, provider)


@pytest.mark.timeout(180)  # it starts four processes and runs 500 crews five times
async def test_after_a_kill_only_what_is_missing_is_asked_and_only_what_failed_is_retried(
    batch: Batch, provider: LoopbackProvider
) -> None:
    # All answers to the second half are kept back: the window is full of them when the first half is recorded.
    provider.hold(lambda asked: number_of(asked) >= HALF)
    with batch.started() as child:
        await seen(provider, lambda counts: counts.in_flight == AT_ONCE and len(counts.asked) == HALF + AT_ONCE)
        child.send_signal(signal.SIGKILL)
        child.wait()
    await seen(provider, lambda counts: counts.broken == AT_ONCE)
    provider.release()

    assert batch.carried_out() == INPUTS - HALF
    results = batch.results()
    assert [result["index"] for result in results] == list(range(INPUTS))
    assert [result["raw"] for result in results if result["status"] == "ok"] == [
        f"re: input {n}" for n in range(INPUTS) if n % 100 >= 7
    ]
    failed = [result["error"] for result in results if result["status"] == "failed"]
    assert Counter(error["type"] for error in failed) == {"BadRequestError": POISONED}
    assert Counter(provider.counts.asked).most_common(1)[0][1] == 2
    assert len(provider.counts.asked) == INPUTS + AT_ONCE

    assert await failures_in(batch.journal) == [n for n in range(INPUTS) if n % 100 < 7]
    assert len(provider.counts.asked) == INPUTS + AT_ONCE

    assert batch.carried_out("--retry-failed") == POISONED
    provider.refuse = lambda asked: None
    assert batch.carried_out("--retry-failed") == POISONED
    assert {(result["status"], result["raw"]) for result in batch.results()} == {
        ("ok", f"re: input {n}") for n in range(INPUTS)
    }


async def seen(provider: LoopbackProvider, reached: Callable[[Counts], bool]) -> None:
    """Return once `reached` holds; on a busy machine a process takes longer to start than the provider waits."""
    for _ in range(4):
        with suppress(AssertionError):
            await provider.seen(reached)
            return
    await provider.seen(reached)


async def failures_in(journal: Path) -> list[int]:
    """Return the inputs that failed, as the library tells them from the journal."""
    inputs = [{"n": n} for n in range(INPUTS)]
    crew = crew_for("input {n}", llm=LLM("ollama/some", base_url="http://127.0.0.1:1"))
    outcomes = await crew.kickoff_for_each_async(inputs, journal=journal)
    for failure in outcomes.failed:
        assert isinstance(failure.error, BadRequestError)
        assert failure.error.status == 400
        assert f"poison in input {failure.index}" in failure.error.message
    return [failure.index for failure in outcomes.failed]
