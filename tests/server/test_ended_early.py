"""Deadlines, signals and clients that leave close every request of theirs, and none of the others'."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from textwrap import dedent
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

import pytest

from aiocrew import DeadlineExceededError, RunOptions, aclose
from tests.server.children import ROOT, environment, under_uvicorn
from tests.server.crews import crew_for, crew_side_by_side
from tests.server.loopback import LoopbackProvider

CLIENTS = 40
TEXTS = ("first", "second", "third")
SOON_S = 0.5


async def deadline() -> Any:
    return await crew_side_by_side(*TEXTS).kickoff_async(options=RunOptions(deadline_s=SOON_S))


async def execution_time() -> Any:
    return await crew_for("first", max_execution_time=SOON_S).kickoff_async()


async def deadline_of_a_batch() -> Any:
    crew = crew_side_by_side(*TEXTS)
    for outcome in await crew.kickoff_for_each_async([{"n": 1}, {"n": 2}], options=RunOptions(deadline_s=SOON_S)):
        assert isinstance(outcome.error, DeadlineExceededError)
        raise outcome.error


@pytest.mark.parametrize(("door", "calls"), [(deadline, 3), (execution_time, 1), (deadline_of_a_batch, 6)])
async def test_a_deadline_closes_the_calls_in_flight(
    provider: LoopbackProvider, door: Callable[[], Awaitable[Any]], calls: int
) -> None:
    provider.hold()
    with pytest.raises(DeadlineExceededError):
        await door()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    counts = await provider.seen(lambda counts: counts.in_flight == counts.open == 0)
    assert 1 <= counts.broken == len(counts.asked) <= calls, "each is cut off, and none is tried again"
    await aclose()


WORKER = """
    import asyncio, sys
    from aiocrew import aclose
    from aiocrew.aio.signals import Drain
    from tests.server.crews import crew_side_by_side

    async def main():
        def drain():
            print("draining", flush=True)

        async with Drain(drain) as drained:
            await crew_side_by_side("first", "second", "third").kickoff_async()
            print("finished")
        left = asyncio.all_tasks() - {asyncio.current_task()}
        await aclose()
        print(f"cut: {drained.cut}, tasks: {len(left)}")
        return 128 + drained.first

    sys.exit(asyncio.run(main()))
"""


@pytest.fixture
def worker(provider: LoopbackProvider) -> Any:
    provider.hold()
    command = [sys.executable, "-c", dedent(WORKER)]
    child = subprocess.Popen(
        command, cwd=ROOT, env=environment(provider), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    with child:
        yield child
        child.kill()


def test_the_first_sigterm_lets_a_worker_finish(provider: LoopbackProvider, worker: subprocess.Popen[str]) -> None:
    provider.wait_for(lambda counts: counts.in_flight == 3)
    assert worker.stdout is not None
    worker.terminate()
    assert worker.stdout.readline() == "draining\n"
    provider.release()
    assert worker.communicate(timeout=20)[0] == "finished\ncut: False, tasks: 0\n"
    assert worker.returncode == 128 + signal.SIGTERM
    assert provider.counts.broken == 0


def test_the_second_sigterm_closes_every_request(provider: LoopbackProvider, worker: subprocess.Popen[str]) -> None:
    provider.wait_for(lambda counts: counts.in_flight == 3)
    assert worker.stdout is not None
    worker.terminate()
    assert worker.stdout.readline() == "draining\n"
    worker.terminate()
    assert worker.communicate(timeout=20)[0] == "cut: True, tasks: 0\n"
    assert worker.returncode == 128 + signal.SIGTERM
    provider.wait_for(lambda counts: counts.broken == 3 and counts.open == 0)


def post(url: str, topic: str) -> socket.socket:
    """Ask for one topic; the connection is open, and the answer not awaited."""
    where = urlsplit(url)
    client = socket.create_connection((where.hostname or "", where.port or 0))
    body = json.dumps({"topics": [topic]}).encode()
    head = f"POST /research HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    client.sendall(head.encode() + b"Connection: close\r\n\r\n" + body)
    return client


def answer_of(client: socket.socket) -> Any:
    with client.makefile("rb") as stream:
        return json.loads(stream.read().partition(b"\r\n\r\n")[2])


def test_clients_of_the_example_that_leave_close_their_calls_and_no_others(tmp_path: Path) -> None:
    with (
        LoopbackProvider(uses_tools=False) as provider,
        under_uvicorn("examples.fastapi_endpoint:app", tmp_path / "log", provider) as url,
    ):
        provider.hold()
        with post(url, "of one who stays") as stays:
            with ExitStack() as clients:
                for n in range(CLIENTS):
                    clients.enter_context(post(url, f"topic {n}"))
                provider.wait_for(lambda counts: counts.in_flight == counts.open == CLIENTS + 1)
            left_s = perf_counter()
            provider.wait_for(lambda counts: counts.broken == CLIENTS and counts.in_flight == counts.open == 1)
            print(f"{CLIENTS} calls were closed within {1000 * (perf_counter() - left_s):.0f} ms")
            provider.release()
            assert list(answer_of(stays)["results"]) == ["of one who stays"]
        assert len(provider.counts.asked) == CLIENTS + 1
    log = (tmp_path / "log").read_text()
    assert not re.search("Warning|Unclosed|Traceback|Error", log), log
