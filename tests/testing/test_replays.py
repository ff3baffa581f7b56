"""A batch that was recorded over a real wire is the same batch each time it is replayed."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from aiocrew import LLM, Agent
from aiocrew.seeing.recorder import recording
from aiocrew.testing import cassette, forbid_model_requests
from aiocrew.types.events import LLMCallCompleted, LLMCallStarted, LLMStreamChunk
from tests.server.loopback import LoopbackProvider
from tests.testing.scenes import INPUTS, Batch, Flaky, no_sockets, replayed_log

PROGRAM = """
import hashlib, sys
from aiocrew.testing import cassette
from tests.testing.scenes import Batch, replayed_log
with cassette(sys.argv[1], mode="none"):
    print(hashlib.sha256(replayed_log(Batch())[0]).hexdigest())
"""


@pytest.fixture(scope="module")
def taped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Record the batch against a server, which is gone afterwards, and its key with it."""
    path, batch, flaky = tmp_path_factory.mktemp("taped") / "survey.json", Batch(), Flaky()
    with LoopbackProvider(latency_s=0.01, refuse=flaky) as provider, pytest.MonkeyPatch.context() as patch:
        for name, value in provider.variables.items():
            patch.setenv(name, value)
        with cassette(path) as used:
            results = asyncio.run(batch.carry_out())
        assert not used.replays
    assert provider.counts.peak > 10
    assert sum(flaky.asked.values()) > 5 * len(INPUTS)
    assert max(flaky.asked.values()) > 2  # the first call, a retry, and the one after the tool
    assert batch.called["look_up"] == batch.called["weigh"] == batch.called["callback"] == len(INPUTS)
    return path, results


@pytest.mark.timeout(300)  # a machine that is busy may take its time
def test_a_hundred_replays_tell_the_same_events_to_the_byte(taped: tuple[Path, list[str]]) -> None:
    path, recorded = taped
    batch, logs = Batch(), set[bytes]()
    with no_sockets(), forbid_model_requests():
        for _ in range(100):
            with cassette(path, mode="none"):
                log, events, results = replayed_log(batch)
            assert results == recorded
            logs.add(hashlib.sha256(log).digest())
    assert len(logs) == 1
    assert batch.called == Counter()
    starts = [event.at_s for event in events if isinstance(event, LLMCallStarted)]
    ends = [event.at_s for event in events if isinstance(event, LLMCallCompleted)]
    assert sum(start < min(ends) for start in starts) > 10, "they overlap as they did"


def test_another_process_tells_the_same_events(taped: tuple[Path, list[str]]) -> None:
    def log_in(hash_seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(Path(__file__).parents[2])}
        command = [sys.executable, "-c", PROGRAM, str(taped[0])]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert done.stderr == ""
        return done.stdout

    with cassette(taped[0], mode="none"):
        here = hashlib.sha256(replayed_log(Batch())[0]).hexdigest()
    assert {log_in("1").strip(), log_in("2").strip()} == {here}


def test_the_recording_holds_no_key(taped: tuple[Path, list[str]]) -> None:
    text = taped[0].read_text(encoding="utf-8")
    assert "sk-test" not in text
    assert "uthorization" not in text
    assert "127.0.0.1" not in text


async def test_a_stream_is_replayed_as_one_chunk(tmp_path: Path) -> None:
    agent = Agent(role="R", goal="g", backstory="b", llm=LLM("offline/instant", stream=True))
    texts: list[list[str]] = []
    for _ in range(2):
        with recording() as events, cassette(tmp_path / "stream.json"):
            await agent.kickoff_async("Say something long")
        texts.append([event.text for event in events if isinstance(event, LLMStreamChunk)])
    recorded, replayed = texts
    assert len(recorded) > 1
    assert replayed == ["".join(recorded)]
